"""A matrix of values as colours."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_heatmap(figure: "Figure", values: NDArray[Any], limits: tuple[float, float], *, difference: bool) -> None:
    """Draw a matrix of values with its scale of colours."""
    axes = figure.subplots()
    colours = "RdBu_r" if difference else "viridis"
    image = axes.imshow(values, cmap=colours, vmin=limits[0], vmax=limits[1], aspect="auto", interpolation="nearest")
    axes.tick_params(labelsize=8)
    axes.locator_params(integer=True, min_n_ticks=1)
    bar = figure.colorbar(image, ax=axes)
    bar.ax.tick_params(labelsize=8)


def value_limits(values: Sequence[NDArray[Any]]) -> tuple[float, float]:
    """Return the lowest and highest finite value of all; (0, 1) if there is none."""
    finite = np.concatenate([value[np.isfinite(value)].ravel() for value in values])
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
