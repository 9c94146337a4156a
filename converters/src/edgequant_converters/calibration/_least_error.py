"""Ranges with the least error of the values, or of what the only function that reads them makes of them.

The argument of x sigmoid(x), the SiLU of most detectors, may reach -30, where the product is 0. Its squared error says
that -30 matters; that of the product says that all from -5 down is one value, and gives the steps to what is above.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from ._histogram import Histogram

Range = tuple[float, float]
Function = Callable[[NDArray[np.float64]], NDArray[np.float64]]

STEPS = 255
"""int8 has 256 values."""

CUTS = np.concatenate([[0.0], 0.5 ** np.arange(10.0, 0.4, -0.5)])
"""What shares of the range the search cuts off at either end."""

ENDS = np.arange(16.0, 0.9, -0.5)
"""Where a range may end, too, on a side on which the function is flat."""


@dataclass(frozen=True, slots=True)
class Through:
    """A function, and whether it is flat far below and far above 0."""

    function: Function
    flat_below: bool
    flat_above: bool


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -80.0, 80.0))))


THROUGH = {
    "SILU": Through(lambda x: x * _sigmoid(x), flat_below=True, flat_above=False),
    "LOGISTIC": Through(_sigmoid, flat_below=True, flat_above=True),
    "TANH": Through(np.tanh, flat_below=True, flat_above=True),
    "HARD_SWISH": Through(lambda x: x * np.clip(x + 3, 0, 6) / 6, flat_below=True, flat_above=False),
    "GELU": Through(lambda x: x * _sigmoid(1.702 * x), flat_below=True, flat_above=False),
    "ELU": Through(lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), flat_below=True, flat_above=False),
}
"""By LiteRT's names; SILU is the product of a tensor and its own sigmoid. GELU's shape is near enough."""


class Judge:
    """The error that each range of a tensor means for a function of it: the sum of the `power`-th of its results'.

    The power is 2 or 4; 4 is kinder to rare large values. A value inside the range errs by a part of a step, evenly
    spread up to its half; one outside becomes the range's end. Everything is looked up in sums from the smallest value
    up, because dozens of ranges are judged.
    """

    def __init__(self, histogram: Histogram, through: Through | None, power: int) -> None:
        filled = np.flatnonzero(histogram.counts)
        below, above = histogram.edges(filled)
        self._centres, self._power = (below + above) / 2, power
        self._function: Function = (lambda x: x) if through is None else through.function
        weights, results = histogram.counts[filled].astype(np.float64), self._function(self._centres)
        slopes = np.abs((self._function(above) - self._function(below)) / (above - below))
        self._rounding = _sums_before(weights * slopes**power / (2.0**power * (power + 1)))
        self._moments = [_sums_before(weights * results**k) for k in range(power + 1)]

    def errors(self, lows: NDArray[np.float64], highs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the errors of ranges that have 0 inside; the arrays are of the same size, or one is of one."""
        first, last = np.searchsorted(self._centres, lows, "left"), np.searchsorted(self._centres, highs, "right")
        rounded = (self._rounding[last] - self._rounding[first]) * ((highs - lows) / STEPS) ** self._power
        below = [moment[first] for moment in self._moments]
        above = [moment[-1] - moment[last] for moment in self._moments]
        return np.asarray(rounded + self._cut(below, lows) + self._cut(above, highs))

    def _cut(self, moments: Sequence[NDArray[np.float64]], ends: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the errors of values with these moments that become the ranges' ends: of w (r - e)^power."""
        end = -self._function(ends)
        terms = [comb(self._power, k) * end ** (self._power - k) * moment for k, moment in enumerate(moments)]
        return np.asarray(np.maximum(sum(terms), 0.0))


def _sums_before(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([[0.0], values.cumsum()])


def least_squares_range(histogram: Histogram) -> Range:
    """Return the range whose int8 form has the least mean squared error over the values seen. Zero stays inside."""
    return fitted_range(histogram, None, 2)


def fitted_range(histogram: Histogram, through: Through | None, power: int, between: Range | None = None) -> Range:
    """Return the range with the least error in the function's results; None: in the values themselves.

    `between`: only the ends on which the function is flat are looked for, and the others stay there.
    """
    judge = Judge(histogram, through, power)
    whole = (min(histogram.lowest, 0.0), max(histogram.highest, 0.0))
    low, high = whole if between is None else (min(between[0], 0.0), max(between[1], 0.0))
    flat_below, flat_above = (False, False) if through is None else (through.flat_below, through.flat_above)
    lows = _candidates(whole[0], flat_below) if between is None or flat_below else np.array([low])
    highs = _candidates(whole[1], flat_above) if between is None or flat_above else np.array([high])
    # One end after the other, twice: the best end of one depends little on the other.
    for _ in range(2):
        before = low
        high = float(highs[judge.errors(np.array([low]), highs).argmin()])
        low = float(lows[judge.errors(lows, np.array([high])).argmin()])
        if low == before:
            break
    return low, high


def _candidates(end: float, flat: bool) -> NDArray[np.float64]:
    """Return where a range may end, the whole first, so that it wins where nothing is better."""
    found = end * (1 - CUTS)
    return np.concatenate([found, np.copysign(ENDS[abs(end) > ENDS], end)]) if flat else found
