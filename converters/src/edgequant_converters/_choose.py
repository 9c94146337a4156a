"""Which ranges, and whether biases make up for the rounding of weights: by measurement on calibration samples."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ._measure import Reference
from ._request import Means, Ranges, Sample
from .calibration import Evidence

FIT_SAMPLES, FIT_BYTES = 24, 32 * 2**20
"""How many calibration samples the alternatives are compared on, at most, and how much memory they take."""

WORTH_DB = 0.2
"""An alternative that gains less than this is not taken: so few samples do not tell such differences."""

Write = Callable[[Ranges, Means | None], None]


@dataclass(frozen=True, slots=True)
class Step:
    """One alternative: what it is, the lowest SQNR with it in dB (of all outputs and parts), and whether it was taken.

    The samples that it was measured on are among those that calibrated.
    """

    what: str
    sqnr_db: float
    taken: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen."""

    method: str
    corrects: bool
    steps: tuple[Step, ...]

    def write(self, write: Write, evidence: Evidence) -> None:
        """Write the model with what all samples say now."""
        write(evidence.choices()[self.method], evidence.means() if self.corrects else None)


class KeepFirst:
    """Passes samples on and keeps the first of them."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._samples = samples
        self.kept: list[Sample] = []

    def __iter__(self) -> Iterator[Sample]:
        free = FIT_BYTES
        for sample in self._samples:
            free -= sum(array.nbytes for array in sample.values())
            if len(self.kept) < FIT_SAMPLES and (free >= 0 or not self.kept):
                self.kept.append(sample)
            yield sample


def choose(hub: Path, output: Path, write: Write, evidence: Evidence, samples: Sequence[Sample]) -> Choice:
    """Try the ranges that each method gives, then the biases; leave the best model in `output`."""
    reference = Reference(hub, samples, "calibration samples")

    def lowest_db(ranges: Ranges, means: Means | None) -> float:
        write(ranges, means)
        return reference.measure(output).lowest_db

    choices, means = evidence.choices(), evidence.means()
    (method, first), *others = choices.items()
    best, last = lowest_db(first, None), (method, False)
    tried = {(method, False): best}
    for other, ranges in others:
        if ranges == choices[method]:
            continue
        figure, last = lowest_db(ranges, None), (other, False)
        tried[last] = figure
        if figure >= best + WORTH_DB:
            method, best = other, figure
    taken = (method, False)
    if means:
        figure, last = lowest_db(choices[method], means), (method, True)
        tried[last] = figure
        if figure >= best + (WORTH_DB if best > 0 else 0):
            taken = last
    if taken != last:
        write(choices[method], means if taken[1] else None)
    return Choice(*taken, tuple(_step(way, figure, taken) for way, figure in tried.items()))


def _step(way: tuple[str, bool], figure: float, taken: tuple[str, bool]) -> Step:
    method, corrects = way
    what = "biases that make up for rounded weights" if corrects else f"{method} ranges"
    return Step(what, figure, way == taken or (method == taken[0] and not corrects))
