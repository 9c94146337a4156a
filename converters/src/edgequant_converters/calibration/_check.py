"""Whether calibration data can be what the network will meet: mistakes that no error message would show."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._evidence import ALONE, Evidence

ENOUGH = 32
"""Fewer samples than this seldom show the ranges that a network's activations have."""

LARGEST_BIAS_SHARE, SMALLEST_BIAS_SHARE = 40.0, 0.01
"""Biases of a first layer that are so many times what its weights make of the data (with their median channel), or
less, were not trained on such data. Where batch norm was folded in, the usual share is between 0.1 and 3."""


@dataclass(slots=True)
class InputFacts:
    """What the samples hold for one input."""

    name: str
    low: float = np.inf
    high: float = -np.inf
    total: float = 0.0
    count: int = 0

    @property
    def mean(self) -> float:
        """The mean of all values."""
        return self.total / max(self.count, 1)

    def update(self, values: NDArray[Any]) -> None:
        """Add one sample's values."""
        if values.size:
            self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))
            self.total, self.count = self.total + float(values.sum(dtype=np.float64)), self.count + values.size


@dataclass(slots=True)
class DataCheck:
    """Watches samples go by; afterwards it has their facts and knows what is suspicious about them."""

    inputs: dict[str, InputFacts] = field(default_factory=dict)
    samples: int = 0
    constant: int = 0
    _seen: set[bytes] = field(default_factory=set)

    def watch(self, samples: Iterable[dict[str, NDArray[Any]]]) -> Iterator[dict[str, NDArray[Any]]]:
        """Yield the samples, and take note of them."""
        for sample in samples:
            self.samples += 1
            digest = hashlib.sha256()
            for name, value in sample.items():
                self.inputs.setdefault(name, InputFacts(name)).update(value)
                digest.update(np.ascontiguousarray(value).tobytes())
            self._seen.add(digest.digest())
            self.constant += all(value.size > 1 and bool((value == value.flat[0]).all()) for value in sample.values())
            yield sample

    def mistakes(self) -> Iterator[str]:
        """Name what is wrong with the samples, a sentence each."""
        same = self.samples - len(self._seen)
        if self.constant and self.constant == self.samples:
            yield "Every calibration sample is constant, one value all over: give real inputs."
        elif self.constant > self.samples // 10:
            yield f"{self.constant} of {self.samples} calibration samples are constant, one value all over: drop them."
        if same and len(self._seen) == 1:
            yield f"All {self.samples} calibration samples are identical: the ranges are those of one input."
        elif same > self.samples // 10:
            yield f"{same} of {self.samples} calibration samples are identical to others: the ranges are those of few."
        if self.samples < ENOUGH:
            yield f"Only {self.samples} calibration samples were given: take {ENOUGH} or more, better a hundred."


@dataclass(frozen=True, slots=True)
class FirstLayer:
    """The first layer of a network: the tensor it reads, sums of squared weights, and biases of its output channels.

    `squares` is (output channels, input channels of a group).
    """

    reads: str
    squares: NDArray[np.float64]
    bias: NDArray[np.float64]

    def bias_share(self, mean_squares: NDArray[np.float64]) -> float | None:
        """Return the size of the biases beside what the weights make of the input, of the median channel.

        `mean_squares` are those of the input's channels. None if few channels have a bias, or the input is always 0.
        """
        groups = len(mean_squares) // self.squares.shape[1]
        own = np.repeat(mean_squares.reshape(groups, -1), len(self.squares) // groups, axis=0)
        made = np.sqrt((self.squares * own).sum(axis=1))
        known = (made > 0) & (self.bias != 0)
        if known.sum() * 2 <= len(self.bias):
            return None
        # NumPy's median imports its masked arrays, which takes a tenth of a small conversion.
        return float(median((np.abs(self.bias[known]) / made[known]).tolist()))


def suspicions(evidence: Evidence, first: FirstLayer | None, facts: Sequence[InputFacts]) -> Iterator[str]:
    """Name what the network's activations show to be wrong with the samples, a sentence each."""
    if (outlier := evidence.outlier()) is not None:
        sample, count = outlier
        yield (
            f"One calibration sample, number {sample} of those that calibrated (counted from 0), sets the range of "
            f"{count} tensors alone, at {ALONE:g} times any other's or more: an outlier? Look at it, or drop it."
        )
        return  # whose squares would pass for those of all
    squares = None if first is None else evidence.mean_squares(first.reads)
    share = None if first is None or squares is None else first.bias_share(squares)
    if share is None or SMALLEST_BIAS_SHARE <= share <= LARGEST_BIAS_SHARE:
        return
    spans = ", ".join(f"'{one.name}' {one.low:.4g} to {one.high:.4g}" for one in facts)
    wrong, usual = ("large", "0 to 255 where 0 to 1 was meant") if share < 1 else ("small", "divided by 255 twice")
    yield (
        f"The range of the calibration data ({spans}) is far too {wrong} for the network's first layer, whose biases "
        f"are {share:.2g} times what its weights make of it: perhaps {usual}."
    )
