"""The study of a tensor as a page that needs nothing else."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgequant._pages import Image, draw_heatmap, image, value_limits, write_page

from ._plots import draw_grids, draw_over_range, draw_over_size
from ._study import TensorStudy, Way

SHOWN = 64
"""Rows and columns of the tensor in a heatmap."""

HEATMAP_HEIGHT = 3.0
CURVE_HEIGHT = 2.8


@dataclass(frozen=True, slots=True)
class Portrait:
    """One way, with the values after it and its error as heatmaps."""

    way: Way
    images: tuple[Image, ...]


def write_study(path: Path, study: TensorStudy) -> None:
    """Write the page in one step; raises OutputError."""
    corner = _corner(study.values)
    errors = [_corner(way.quantizer.round_trip(study.values)) - corner for way in study.ways]
    largest = max(abs(end) for end in value_limits(errors)) or 1.0
    limits = value_limits([corner])
    portraits = []
    for way, difference in zip(study.ways, errors, strict=True):
        after = _heatmap(f"After: {way.name}", corner + difference, limits, difference=False)
        lost = _heatmap(f"Error: {way.name}", difference, (-largest, largest), difference=True)
        portraits.append(Portrait(way, (after, lost)))
    values = {
        "study": study,
        "before": _heatmap("Before: the tensor itself", corner, limits, difference=False),
        "portraits": portraits,
        "curves": _curves(study),
        "shown": corner.shape,
        "size": "x".join(map(str, study.shape)),
    }
    write_page(path, __package__, values, {"figure": "{:.4g}".format})


def _curves(study: TensorStudy) -> list[Image]:
    best = min(study.over_range, key=lambda point: point.mse)
    smallest = min(study.over_size, key=lambda point: point.mse)
    grids = image(
        partial(draw_grids, study=study),
        CURVE_HEIGHT,
        "How often each value occurs, and above it the integers that one scale offers, drawn at 4 bits.",
        f"Histogram of values from {study.lowest:.4g} to {study.highest:.4g}.",
    )
    over_range = image(
        partial(draw_over_range, study=study),
        CURVE_HEIGHT,
        f"MSE of {study.bits} bits, symmetric, where the range ends at a share of the largest magnitude. A narrow "
        "range has fine steps and saturates much; the dot is the best one.",
        f"The least MSE is {best.mse:.4g}, at {best.share:.0%} of the largest magnitude.",
    )
    over_size = image(
        partial(draw_over_size, study=study),
        CURVE_HEIGHT,
        f"MSE of {study.bits} bits, symmetric, by how many neighbours share a scale, with the bits that a value takes.",
        f"The least MSE is {smallest.mse:.4g}, with a scale for {smallest.values} values.",
    )
    return [grids, over_range, over_size]


def _heatmap(title: str, values: NDArray[np.float64], limits: tuple[float, float], *, difference: bool) -> Image:
    low, high = value_limits([values])
    draw = partial(draw_heatmap, values=values, limits=limits, difference=difference)
    return image(draw, HEATMAP_HEIGHT, f"{title}.", f"{title}: values from {low:.4g} to {high:.4g}.")


def _corner(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return the first rows and columns; of a tensor with more axes, the first axis counts rows."""
    matrix = values.reshape(values.shape[0], -1) if values.ndim > 1 else values.reshape(1, -1)
    return matrix[:SHOWN, :SHOWN].astype(np.float64)
