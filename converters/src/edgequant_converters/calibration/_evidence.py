"""What calibration samples say of every activation, in one pass: several ranges to choose from, and channels' means."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._collectors import DEFAULT_PERCENTILE, finite_values
from ._histogram import Histogram
from ._least_error import THROUGH, fitted_range, least_squares_range
from ._rounding import Rounding
from ._thresholds import entropy_range, percentile_range

MINMAX, LEAST_SQUARES = "minmax", "least squares"

LEAST_FOURTH = "least fourth powers"
"""Between the two: of a large error that is rare it thinks more than of many small ones."""

TIGHT = "percentile 99.9"
"""What leaves out a value in a thousand: too much for a whole network, but not for layers with outliers."""

LOOKED_AT = 16384
"""So many values of a tensor go into its histogram, from each sample, evenly spread; the smallest and largest count
always."""

ROWS_OF_A_SAMPLE, SAMPLES_OF_ROWS, VALUES_OF_A_SAMPLE = 48, 24, 8192
"""So many places of a tensor are kept, of so many samples: enough for the mean of what rounding does to a channel.

Fewer places of tensors with many channels, so that none takes more than 768 KiB for this."""

FOLDS = 64
"""So many rows are summed as if they were one."""

SAME_END = 1e-3
"""Tensors whose largest magnitudes differ by no more than this share hold the same value: one passes it on."""

ALONE = 3.0
"""A sample whose largest value is so many times any other's sets the range alone."""

_WAYS: dict[str, Callable[[Histogram], tuple[float, float]]] = {
    MINMAX: lambda histogram: (histogram.lowest, histogram.highest),
    "percentile": lambda histogram: percentile_range(histogram, DEFAULT_PERCENTILE),
    LEAST_SQUARES: least_squares_range,
    LEAST_FOURTH: lambda histogram: fitted_range(histogram, None, 4),
    TIGHT: lambda histogram: percentile_range(histogram, 99.9),
    "entropy": entropy_range,
}

_TRIED = (MINMAX, LEAST_FOURTH, LEAST_SQUARES, TIGHT)

_POWERS = {LEAST_SQUARES: 2, LEAST_FOURTH: 4}


@dataclass(slots=True)
class _Mean:
    """The sums of a tensor's channels over all else."""

    total: NDArray[np.float64]
    count: int = 0


@dataclass(slots=True)
class _Extreme:
    """The largest magnitude that a sample has in a tensor, which sample that is, and the next largest of another."""

    largest: float = 0.0
    next: float = 0.0
    sample: int = -1
    seen: int = 0

    def update(self, magnitude: float) -> None:
        if magnitude > self.largest:
            self.largest, self.next, self.sample = magnitude, self.largest, self.seen
        else:
            self.next = max(self.next, magnitude)
        self.seen += 1


class Evidence:
    """A collector of ranges that keeps what others than the smallest and largest value follow from.

    `channels` has the axis that counts channels, and their number, of tensors whose channels' means are wanted.
    `functions` has the name in THROUGH of the only function that reads a tensor: its range is judged by the results,
    unless the user named a method.
    `method` is the only one to choose by, where the user named one. `spanned` are the tensors of which each channel's
    smallest and largest value are wanted (the last axis). `results` has the argument, and the function, of tensors with
    `channels` that are functions of one.
    """

    def __init__(
        self,
        channels: Mapping[str, tuple[int, int]],
        method: str | None = None,
        functions: Mapping[str, str] | None = None,
        spanned: AbstractSet[str] = frozenset(),
        results: Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
        self._channels, self._methods = channels, _TRIED if method is None else (method,)
        self._functions, self._spanned = (functions or {}) if method is None else {}, spanned
        self._spans: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
        self._histograms: dict[str, Histogram] = {}
        self._means: dict[str, _Mean] = {}
        self._rows: dict[str, dict[int, NDArray[np.float32]]] = {}  # by the number of the sample
        self._updates: Counter[str] = Counter()
        self._results = {name: found for name, found in (results or {}).items() if name in channels}
        self._sampled = {argument: channels[name] for name, (argument, _) in self._results.items()} | dict(channels)
        self._extremes: dict[str, _Extreme] = {}

    @property
    def methods(self) -> tuple[str, ...]:
        """The ways of choosing, the smallest and largest values first, unless the user named one."""
        return self._methods

    def update(self, name: str, array: NDArray[Any]) -> None:
        """Add one sample's values of the tensor `name`; raises CalibrationError on NaN."""
        values, low, high = finite_values(name, array)
        self._updates[name] += 1
        if not values.size:
            return
        self._extremes.setdefault(name, _Extreme()).update(max(abs(low), abs(high)))
        self._histograms.setdefault(name, Histogram()).update(_spread(values), ends=(low, high))
        if name in self._sampled and values.size == array.size:
            self._add_rows(name, array)
        if name in self._spanned and values.size == array.size and array.ndim:
            self._add_span(name, array.reshape(-1, array.shape[-1]))

    def adopt(self, name: str, other: "Evidence", known_as: str) -> None:
        """Take over what another has seen of a tensor, by the name that it has there."""
        if known_as not in other._histograms:
            return
        self._histograms[name] = other._histograms[known_as]
        self._extremes[name], self._updates[name] = other._extremes[known_as], other._updates[known_as]
        size = self._sampled.get(name, (0, 0))[1]
        rows, mean = other._rows.get(known_as), other._means.get(known_as)
        if rows is not None and all(some.shape[-1] == size for some in rows.values()):
            self._rows[name] = rows
        if mean is not None and mean.total.size == size and name in self._channels:
            self._means[name] = mean

    def ranges(self) -> dict[str, tuple[float, float]]:
        """Return the smallest and largest value of each tensor."""
        return {name: (seen.lowest, seen.highest) for name, seen in self._histograms.items()}

    def choices(self) -> dict[str, Mapping[str, tuple[float, float]]]:
        """Return the ranges that each way of choosing gives, the smallest and largest values first."""
        return {method: _Fitted(self._histograms, partial(self._range, method)) for method in self._methods}

    def _range(self, method: str, name: str, histogram: Histogram) -> tuple[float, float]:
        through = THROUGH.get(self._functions.get(name, ""))
        if through is None:
            return _WAYS[method](histogram)
        power = _POWERS.get(method)
        return fitted_range(histogram, through, power or 2, None if power else _WAYS[method](histogram))

    def passed_on(self, names: Iterable[str]) -> list[tuple[str, ...]]:
        """Return tensors together with those among them that their largest value is passed on to, as by a SiLU."""
        found: list[tuple[str, ...]] = []
        for name in names:
            same = next((place for place, group in enumerate(found) if self._ends_alike(name, group[0])), None)
            if same is None:
                found.append((name,))
            else:
                found[same] = (*found[same], name)
        return found

    def _ends_alike(self, *names: str) -> bool:
        ends = [max(-seen.lowest, seen.highest) for seen in map(self._histograms.__getitem__, names)]
        return max(ends) <= (1 + SAME_END) * min(ends)

    def rounding(self) -> Rounding:
        """Return what biases can make up for, of the tensors with channels."""
        means = {name: mean.total / mean.count for name, mean in self._means.items()}
        rows = {name: np.concatenate([*rows.values()]) for name, rows in self._rows.items()}
        # Where a sample of one was not finite, their places are not the same.
        results = {
            name: found for name, found in self._results.items() if self._samples(name) == self._samples(found[0])
        }
        return Rounding(means, rows, results)

    def _samples(self, name: str) -> list[int]:
        return [*self._rows.get(name, {})]

    def spans(self) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Return the smallest and largest value of each channel of the tensors asked for."""
        return dict(self._spans)

    def mean_squares(self, name: str) -> NDArray[np.float64] | None:
        """Return the mean square of each channel of a tensor asked for, in the places kept; None if there are none."""
        rows = self._rows.get(name)
        return None if rows is None else np.square(np.concatenate([*rows.values()]), dtype=np.float64).mean(axis=0)

    def outlier(self) -> tuple[int, int] | None:
        """Return the sample (counted from 0) that alone sets most tensors' ranges, and for how many it does."""
        alone = [
            extreme.sample
            for extreme in self._extremes.values()
            if extreme.seen > 1 and extreme.largest > ALONE * extreme.next
        ]
        if not alone:
            return None
        sample, count = Counter(alone).most_common(1)[0]
        return (sample, count) if count * 2 > len(self._extremes) else None

    def _add_span(self, name: str, rows: NDArray[Any]) -> None:
        low, high = rows.min(axis=0).astype(np.float64), rows.max(axis=0).astype(np.float64)
        before = self._spans.get(name, (low, high))
        if before[0].shape == low.shape:
            self._spans[name] = np.minimum(before[0], low), np.maximum(before[1], high)

    def _add_rows(self, name: str, array: NDArray[Any]) -> None:
        axis, size = self._sampled[name]
        rows = np.moveaxis(array, axis, -1) if array.ndim and array.shape[axis] == size else array
        if rows.size % size:
            return
        width = rows.shape[-2] if rows.ndim > 2 else 1
        rows = rows.reshape(-1, size)
        kept = self._rows.setdefault(name, {})
        if len(kept) < SAMPLES_OF_ROWS:
            places = max(4, min(ROWS_OF_A_SAMPLE, VALUES_OF_A_SAMPLE // size))
            # A stride that shares a factor with the width passes columns by, and may see the border's alone.
            stride = _without_factor_of(width, -(-len(rows) // places))
            kept[self._updates[name]] = rows[::stride].astype(np.float32)
        if name not in self._channels:
            return
        mean = self._means.setdefault(name, _Mean(np.zeros(size)))
        mean.total += _sums_of_columns(rows)
        mean.count += len(rows)


class _Fitted(Mapping[str, tuple[float, float]]):
    """Ranges by name, each found when it is first asked for: by most ways of choosing few are."""

    def __init__(self, seen: Mapping[str, Histogram], find: Callable[[str, Histogram], tuple[float, float]]) -> None:
        self._seen, self._find, self._found = seen, find, dict[str, tuple[float, float]]()

    def __getitem__(self, name: str) -> tuple[float, float]:
        if name not in self._found:
            histogram = self._seen[name]
            self._found[name] = _seen(histogram, self._find(name, histogram))
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._seen)

    def __len__(self) -> int:
        return len(self._seen)


def _spread(values: NDArray[Any]) -> NDArray[Any]:
    """Return evenly spread values; the stride shares no factor with the last axis, so that no channel is passed by."""
    stride, last = values.size // LOOKED_AT, values.shape[-1] if values.ndim else 1
    return values if stride < 2 else values.ravel()[:: _without_factor_of(last, stride)]


def _sums_of_columns(rows: NDArray[Any]) -> NDArray[np.float64]:
    """Return the sum of each column; where few lie beside each other, NumPy takes twice as long as with many."""
    folds = math.gcd(len(rows), FOLDS) if rows.flags.c_contiguous else 1
    size = rows.shape[1]
    wide: NDArray[np.float64] = rows.reshape(-1, folds * size).sum(axis=0, dtype=np.float64)
    return np.asarray(wide.reshape(folds, size).sum(axis=0))


def _without_factor_of(size: int, stride: int) -> int:
    """Return the next stride that shares no factor with a size."""
    return next(found for found in count(stride) if math.gcd(found, size) == 1)


def _seen(histogram: Histogram, found: tuple[float, float]) -> tuple[float, float]:
    """Return what of a range was seen: that 0 was not is needed to know, where a root or a quotient is taken."""
    low, high = max(found[0], histogram.lowest), min(found[1], histogram.highest)
    return (low, high) if low < high else (histogram.lowest, histogram.highest)
