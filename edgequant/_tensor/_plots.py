"""The curves of a tensor's page."""

from typing import TYPE_CHECKING

import numpy as np
from edgequant_converters.linear import from_range

from edgequant._pages import LINE, MODEL, MUTED, REFERENCE

from ._study import TensorStudy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BARS = 48
GRID_BITS = 4  # few enough integers to be seen


def draw_grids(figure: "Figure", study: TensorStudy) -> None:
    """Draw the histogram of the values, and what a symmetric and an asymmetric range can hold."""
    axes = figure.subplots()
    counts, _, _ = axes.hist(study.values.ravel().astype(np.float64), bins=BARS, color=MUTED, alpha=0.5)
    top = float(np.max(counts))
    for place, colour, symmetric in ((1.12, MODEL, True), (1.42, REFERENCE, False)):
        quantizer = from_range(study.lowest, study.highest, bits=GRID_BITS, symmetric=symmetric)
        grid = quantizer.dequantize(np.arange(quantizer.lowest, quantizer.highest + 1))
        axes.plot(grid, np.full(grid.size, place * top), "|", color=colour, markersize=11, markeredgewidth=1.6)
        name = "symmetric" if symmetric else "asymmetric"
        axes.annotate(
            name, (0.01, place * top + 0.08 * top), xycoords=("axes fraction", "data"), color=colour, fontsize=8
        )
    axes.set_ylim(0, 1.72 * top)
    axes.set_xlabel("value")
    axes.set_ylabel("how many")
    _finish(axes)


def draw_over_range(figure: "Figure", study: TensorStudy) -> None:
    """Draw the MSE over the end of the range."""
    axes = figure.subplots()
    best = min(study.over_range, key=lambda point: point.mse)
    axes.plot([100 * point.share for point in study.over_range], [p.mse for p in study.over_range], color=REFERENCE)
    axes.plot([100 * best.share], [best.mse], "o", color=MODEL)
    axes.set_xlabel("end of the range in % of the largest magnitude")
    _set_errors(axes, [point.mse for point in study.over_range])


def draw_over_size(figure: "Figure", study: TensorStudy) -> None:
    """Draw the MSE over the number of values that share a scale, with the bits per value."""
    axes = figure.subplots()
    sizes, errors = [point.values for point in study.over_size], [point.mse for point in study.over_size]
    axes.plot(sizes, errors, "o-", color=REFERENCE, markersize=4)
    axes.set_xscale("log", base=2)
    axes.margins(x=0.1)
    for number, point in enumerate(study.over_size):
        if number % 2 == 0 or (number == len(study.over_size) - 1 and len(study.over_size) % 2):
            axes.annotate(
                f"{point.bits_per_value:.3g}", (point.values, point.mse), (0, -11), textcoords="offset points",
                ha="center", color=MUTED, fontsize=8,
            )  # fmt: skip
    axes.set_xlabel("values that share a scale (small figures: bits per value)")
    axes.set_ylabel("MSE")
    axes.set_ylim(bottom=0 if max(errors) else -1, top=1.12 * max(errors) or 1)
    _finish(axes)


def _set_errors(axes: "Axes", errors: list[float]) -> None:
    axes.set_ylabel("MSE")
    if min(errors) > 0:
        axes.set_yscale("log")
    _finish(axes)


def _finish(axes: "Axes") -> None:
    axes.grid(color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
