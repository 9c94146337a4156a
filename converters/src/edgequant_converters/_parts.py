"""The parts of an output, each judged by itself: a good figure for boxes in pixels must not hide lost scores.

The parts are what was concatenated into the output, followed back through reshapes and transposes. Where the file does
not say so, an output is cut in two along the axis where the ranges differ most, if they do by more than 16 times.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ._metrics import ErrorStatistics, decibels

if TYPE_CHECKING:
    from .ir import Graph, Operator, Tensor

MIXED = 16.0
"""Ranges that differ by more than this factor are of different kinds of values."""

MOST_PARTS = 16
"""Where nested concatenations have more, only the last one's inputs are told apart."""

Labels: TypeAlias = NDArray[np.int32]
"""The number of the part that each element of an output belongs to."""

Places: TypeAlias = NDArray[np.intp] | slice


@dataclass(frozen=True, slots=True)
class PartMeasure:
    """A part of an output: what it is called, its smallest and largest value, and its SQNR (None: not finite)."""

    name: str
    range: tuple[float, float]
    sqnr_db: float | None


@dataclass(frozen=True, slots=True)
class Division:
    """Which parts an output consists of: the labels have size 1 along axes over which they are the same."""

    labels: Labels
    names: tuple[str, ...]
    _places: "dict[tuple[int, ...], list[Places]]" = field(default_factory=dict, compare=False, repr=False)

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Tell whether the parts of an output of this shape are known: axes that tell none apart may have any size."""
        own = self.labels.shape
        return len(own) == len(shape) and all(size in (1, given) for size, given in zip(own, shape, strict=True))

    def places(self, shape: tuple[int, ...]) -> "list[Places]":
        """Return the places of each part in an output of this shape that is read as one row."""
        if shape not in self._places:
            labels = np.broadcast_to(self.labels, shape).ravel()
            self._places.clear()  # outputs of other sizes do not come back
            self._places[shape] = [_in_a_row(np.flatnonzero(labels == part)) for part in range(len(self.names))]
        return self._places[shape]


def _in_a_row(places: NDArray[np.intp]) -> Places:
    """Return places as a slice, which copies nothing, where none is left out."""
    count = len(places)
    return slice(int(places[0]), int(places[-1]) + 1) if count and places[-1] - places[0] == count - 1 else places


def divisions(model: Path, count: int, shapes: Mapping[str, Sequence[int]]) -> list[Division | None]:
    """Return how each of a model's `count` outputs is joined from parts; None where the file does not say.

    `shapes` are those of its inputs, by name, for files that leave sizes free. Both kinds of file are read as one kind
    of graph, so that a network has the same parts in both.
    """
    graph = _graph(model, shapes)
    if graph is None or len(graph.outputs) != count:
        return [None] * count
    producers = graph.producers()
    return [_division(output, producers) for output in graph.outputs]


def _graph(model: Path, shapes: Mapping[str, Sequence[int]]) -> "Graph | None":
    if model.suffix.lower() == ".onnx":
        from .sources._onnx_graph import read_onnx_graph

        return read_onnx_graph(model, shapes)
    from .ir import read_ir
    from .tflite import read_model

    return read_ir(read_model(model)).main


class OutputStatistics:
    """The error measures of one output, whole and part by part; memory does not grow with the number of samples."""

    def __init__(self, division: Division | None = None) -> None:
        self.whole = ErrorStatistics()
        self._same: tuple[int, int] | None = None  # whole numbers that are equal, of so many
        self._first: NDArray[Any] | None = None  # the first sample's reference
        self._samples, self._varies = 0, False
        self._division = division
        self._sums: list[_Sums] | None = None

    def update(self, reference: NDArray[Any], test: NDArray[Any]) -> None:
        """Add one sample's outputs: two arrays of any real type.

        The parts are those of the first sample's sizes: samples of others count where these parts can be told in them,
        and those of which the two arrays have different sizes, as how many boxes are found depends on data, in no part.
        Whole numbers have no parts.
        """
        self._note(reference)
        if is_whole(reference):
            self._count(reference.ravel(), test.ravel())
        r, t = (values.astype(np.float64, copy=False) for values in (reference, test))
        self.whole.update(r, t)
        if r.size != t.size or self._same is not None:
            return
        t = t.reshape(r.shape)
        if self._sums is None:
            if self._division is not None and not self._division.fits(r.shape):
                self._division = None
            self._sums = [_Sums(len(self._division.names))] if self._division else [_Sums(size) for size in r.shape]
        if self._division is not None:
            if self._division.fits(r.shape):
                self._sums[0].add_places(self._division.places(r.shape), r.ravel(), t.ravel())
        else:
            for axis, sums in enumerate(self._sums):
                if r.shape[axis] == len(sums.low):
                    sums.add_along(axis, r, t)

    def add(self, other: "OutputStatistics") -> None:
        """Add what another has seen of the same output, as if its samples had been seen here."""
        self.whole.add(other.whole)
        if other._first is not None:
            self._note(other._first, other._samples)
            self._varies |= other._varies
        if other._same is not None:
            same, of = self._same or (0, 0)
            self._same = same + other._same[0], of + other._same[1]
        if other._sums is None:
            return
        if self._sums is None:
            self._division = other._division
            self._sums = [_Sums(len(sums.low)) for sums in other._sums]
        if self._division is other._division:
            for own, sums in zip(self._sums, other._sums, strict=False):
                own.add(sums)

    def _note(self, reference: NDArray[Any], samples: int = 1) -> None:
        """Take note of whether the reference is what it was in the first sample."""
        if self._first is None:
            self._first = reference.copy()
        elif not self._varies:
            self._varies = not np.array_equal(reference, self._first, equal_nan=reference.dtype.kind == "f")
        self._samples += samples

    def _count(self, reference: NDArray[Any], test: NDArray[Any]) -> None:
        common = min(reference.size, test.size)
        same, of = self._same or (0, 0)
        equal = int(np.count_nonzero(reference[:common] == test[:common]))
        self._same = same + equal, of + max(reference.size, test.size)

    @property
    def equal(self) -> float | None:
        """The share of equal values, 0 to 1, of an output of whole numbers: indices, class numbers, counts, decisions.

        Of these an SQNR says little: the next class is as wrong as any other. None for all other outputs.
        """
        if self._same is None:
            return None
        same, of = self._same
        return same / of if of else 1.0

    @property
    def constant(self) -> bool:
        """Whether the reference never varies over the samples; of one, whether it is nothing but zeros.

        How well such an output is met says nothing of inputs on which it varies.
        """
        if self._first is None or not self._first.size or self._varies:
            return False
        return self._samples > 1 or not self._first.any()

    @property
    def parts(self) -> tuple[PartMeasure, ...]:
        """The parts; none if the output is of one piece."""
        if not self._sums:
            return ()
        if self._division is not None:
            return tuple(self._sums[0].measures(self._division.names))
        cuts = [(axis, sums.best_cut()) for axis, sums in enumerate(self._sums) if axis]
        axis, cut = max(cuts, key=_gap, default=(0, (1.0, 0)))
        if cut[0] <= MIXED:
            return ()
        sums, size = self._sums[axis], len(self._sums[axis].low)
        names = tuple(f"{a} to {b - 1} of axis {axis}" for a, b in ((0, cut[1]), (cut[1], size)))
        return tuple(sums.halves(cut[1]).measures(names))


def is_whole(values: NDArray[Any]) -> bool:
    """Whether values are whole numbers and not those of a picture, which are single bytes."""
    return values.dtype.kind == "b" or (values.dtype.kind in "iu" and values.dtype.itemsize > 1)


def _gap(candidate: tuple[int, tuple[float, int]]) -> float:
    return candidate[1][0]


class _Sums:
    """Signal, noise, smallest and largest value of each index."""

    def __init__(self, size: int) -> None:
        self.signal, self.noise = np.zeros(size), np.zeros(size)
        self.low, self.high = np.full(size, math.inf), np.full(size, -math.inf)

    def add(self, other: "_Sums") -> None:
        """Add those of others, unless there are more or fewer indices."""
        if len(other.low) == len(self.low):
            self.signal += other.signal
            self.noise += other.noise
            self.low, self.high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)

    def add_places(self, places: Sequence[Places], r: NDArray[np.float64], t: NDArray[np.float64]) -> None:
        """Add the values at the places of each index."""
        for index, own in enumerate(places):
            values = r[own]
            with np.errstate(invalid="ignore", over="ignore"):
                self.signal[index] += (values * values).sum()
                self.noise[index] += ((values - t[own]) ** 2).sum()
            self.low[index] = np.minimum(self.low[index], values.min(initial=math.inf))
            self.high[index] = np.maximum(self.high[index], values.max(initial=-math.inf))

    def add_along(self, axis: int, r: NDArray[np.float64], t: NDArray[np.float64]) -> None:
        """Add values that belong to the indices of an axis."""
        others = tuple(i for i in range(r.ndim) if i != axis)
        if not r.size:
            return
        with np.errstate(invalid="ignore", over="ignore"):
            self.signal += (r * r).sum(others)
            self.noise += ((r - t) ** 2).sum(others)
        self.low, self.high = np.minimum(self.low, r.min(others)), np.maximum(self.high, r.max(others))

    def best_cut(self) -> tuple[float, int]:
        """Return the place between two indices where narrow and wide ranges part, and by what factor they differ."""
        widths = np.maximum(self.high, 0) - np.minimum(self.low, 0)
        if self.low.min(initial=0.0) >= 0 and self.high.max(initial=0.0) <= 1:
            return 1.0, 0  # probabilities are of one kind, however rare some classes are
        if len(widths) < 2 or not np.isfinite(widths).all() or not (widths > 0).any():
            return 1.0, 0
        widths = np.maximum(widths, 1e-9 * widths.max())
        least, most = np.minimum.accumulate, np.maximum.accumulate
        wide_first = least(widths)[:-1] / most(widths[::-1])[::-1][1:]
        wide_last = least(widths[::-1])[::-1][1:] / most(widths)[:-1]
        gaps = np.maximum(wide_first, wide_last)
        return float(gaps.max()), int(gaps.argmax()) + 1

    def halves(self, cut: int) -> "_Sums":
        """Return the sums before and from an index on."""
        joined = _Sums(2)
        for half, where in enumerate((slice(None, cut), slice(cut, None))):
            joined.signal[half], joined.noise[half] = self.signal[where].sum(), self.noise[where].sum()
            joined.low[half], joined.high[half] = self.low[where].min(), self.high[where].max()
        return joined

    def measures(self, names: tuple[str, ...]) -> Iterator[PartMeasure]:
        """Yield the measures of each index; what is always 0 in the reference has no SQNR and is left out."""
        for name, signal, noise, low, high in zip(names, self.signal, self.noise, self.low, self.high, strict=True):
            if signal != 0:
                figure = decibels(float(signal), float(noise))
                yield PartMeasure(name, (float(low), float(high)), figure if math.isfinite(figure) else None)


def _division(output: "Tensor", producers: Mapping["Tensor", "Operator"]) -> Division | None:
    for nested in (True, False):
        names: list[str] = []
        labels = _labels(output, producers, names, nested)
        if labels is None or len(names) < 2:
            return None
        if len(names) <= MOST_PARTS:
            return Division(_without_repeats(labels), tuple(names))
    return None


def _without_repeats(labels: Labels) -> Labels:
    for axis, size in enumerate(labels.shape):
        if size and (first := labels.take([0], axis)).size and (labels == first).all():
            labels = first
    return labels


def _labels(
    tensor: "Tensor", producers: Mapping["Tensor", "Operator"], names: list[str], nested: bool
) -> Labels | None:
    """Return the part of each element; a part is a tensor that no concatenation made. None: an unknown size."""
    operator = producers.get(tensor)
    if any(size < 0 for size in tensor.shape):
        return None
    if operator is not None and operator.code == "CONCATENATION":
        axis = int(operator.options.get("axis", 0))
        if nested:
            found = [_labels(part, producers, names, nested) for part in operator.given]
        else:
            found = [np.full(part.shape, number, np.int32) for number, part in enumerate(operator.given)]
            names += [part.name for part in operator.given]
        pieces = [piece for piece in found if piece is not None]
        return np.concatenate(pieces, axis) if len(pieces) == len(found) else None
    if operator is not None and operator.code in ("QUANTIZE", "DEQUANTIZE"):
        return _labels(operator.given[0], producers, names, nested)
    if operator is not None and operator.code in ("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE"):
        before = _labels(operator.given[0], producers, names, nested)
        if before is None:
            return None
        if operator.code != "TRANSPOSE":
            # A file may say 1 of a size that the engine computes.
            return before.reshape(tensor.shape) if before.size == math.prod(tensor.shape) else None
        order = operator.given[1]
        return before.transpose(order.values) if order.is_constant else None
    names.append(tensor.name)
    return np.full(tensor.shape, len(names) - 1, np.int32)
