"""Keep some samples aside while the others calibrate, so that the error is measured on data the ranges never saw."""

from collections.abc import Iterable, Iterator
from typing import Any

from numpy.typing import NDArray

Sample = dict[str, NDArray[Any]]


class Split:
    """Iterate it once: it yields the samples for calibration and keeps every tenth aside.

    After the iteration, `held_back` has the samples to measure on, `used` the number that calibrated, and `disjoint`
    says whether the two are different samples. With fewer samples than `every` none can be spared: then `held_back`
    repeats the first few that calibrated, and `disjoint` is False.
    """

    def __init__(self, data: Iterable[Sample], every: int, max_samples: int, max_bytes: int) -> None:
        if every < 2 or max_samples < 1 or max_bytes < 1:
            raise ValueError("every must be 2 or more, and max_samples and max_bytes 1 or more")
        self._data, self._every = data, every
        self._kept = _Keeper(max_samples, max_bytes)
        self._first = _Keeper(max_samples, max_bytes)
        self.used = 0

    @property
    def held_back(self) -> list[Sample]:
        """The samples to measure on."""
        return self._kept.samples or self._first.samples

    @property
    def disjoint(self) -> bool:
        """Whether no sample of `held_back` has calibrated."""
        return bool(self._kept.samples)

    def __iter__(self) -> Iterator[Sample]:
        for index, sample in enumerate(self._data):
            if index % self._every == self._every - 1 and self._kept.keep(sample):
                self._first.samples.clear()
                continue
            if index < self._every:
                self._first.keep(sample)
            self.used += 1
            yield sample


def split(data: Iterable[Sample], *, every: int = 10, max_samples: int = 64, max_bytes: int = 64 * 2**20) -> Split:
    """Split `data` in one pass: samples 9, 19, 29 ... (for `every` = 10) are kept aside, the others yielded.

    At most `max_samples` samples and `max_bytes` bytes are kept (but always one); what would exceed either calibrates.
    """
    return Split(data, every, max_samples, max_bytes)


class _Keeper:
    """A list of samples that takes no more than it may."""

    def __init__(self, max_samples: int, max_bytes: int) -> None:
        self.samples: list[Sample] = []
        self._max_samples, self._free = max_samples, max_bytes

    def keep(self, sample: Sample) -> bool:
        size = sum(array.nbytes for array in sample.values())
        if self.samples and (len(self.samples) >= self._max_samples or size > self._free):
            return False
        self.samples.append(sample)
        self._free -= size
        return True
