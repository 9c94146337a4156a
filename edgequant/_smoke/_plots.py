"""The picture of a difference: the values around the first one, those of the golden and those of the board."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgequant._pages import BAD, LINE, MODEL, REFERENCE

from ._compare import differs
from ._result import Difference

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Arrays = tuple[NDArray[Any], NDArray[Any]]
SHOWN = 100
_BEFORE = 10  # values before the first that differs


def window(found: Difference, shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the first flat index that is shown, and the one after the last."""
    if found.values <= SHOWN:
        return 0, found.values
    begin = min(max(int(np.ravel_multi_index(found.first, shape)) - _BEFORE, 0), found.values - SHOWN)
    return begin, begin + SHOWN


def draw_difference(figure: "Figure", arrays: Arrays, begin: int, end: int) -> None:
    """Draw both arrays' values over their flat index, and below how far they are apart; infinities have no place."""
    shown = [array.ravel()[begin:end] for array in arrays]
    expected, got = (array.astype(np.float64) for array in shown)
    places = np.arange(begin, end)
    both, apart = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    both.plot(places, expected, color=REFERENCE, marker="o", markersize=5, linestyle="none", label="expected")
    both.plot(places, got, color=MODEL, marker="D", markersize=3, linestyle="none", label="got")
    both.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, frameon=False)
    with np.errstate(invalid="ignore"):
        apart.vlines(places, 0, got - expected, color=BAD)
    apart.set_ylabel("difference")
    apart.set_xlabel("index")
    apart.locator_params(axis="x", integer=True)
    for axes in (both, apart):
        for place in places[differs(*shown)]:
            axes.axvspan(place - 0.5, place + 0.5, color=BAD, alpha=0.18, linewidth=0)
        axes.grid(axis="y", color=LINE)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
