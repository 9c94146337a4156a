"""Which ranges, and whether biases make up for the rounding of weights: by measurement on calibration samples."""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ._measure import Reference
from ._request import Means, Ranges, Sample
from .calibration import LEAST_FOURTH, LEAST_SQUARES, MINMAX, TIGHT, Evidence

FIT_SAMPLES, FIT_BYTES = 24, 32 * 2**20
"""How many calibration samples the alternatives are compared on, at most, and how much memory they take."""

STRETCHES = (1 / 24, 1 / 6, 1 / 2, 1.0)
"""Where the stretches of a network end, as shares of its tensors. The first layers often have outliers that say
nothing, and cost all others steps; the last ones such that say all: a detector's objects."""

_ANYWHERE = (MINMAX, LEAST_FOURTH, LEAST_SQUARES)
_FIRST = (LEAST_FOURTH, LEAST_SQUARES, TIGHT)
_OF_STRETCHES = (_FIRST, _FIRST, _ANYWHERE, _ANYWHERE)
"""What is tried for each stretch alone."""

GOOD_DB = 40.0
"""From here on nothing is tried for stretches: what is left to win is not worth the time."""

WORTH_DB = 0.2
"""An alternative that gains less than this is not taken: so few samples do not tell such differences."""

Write = Callable[[Ranges, Means | None], None]


@dataclass(frozen=True, slots=True)
class Step:
    """One alternative: what it is, the lowest SQNR with it in dB (of all outputs and parts), and whether it was better.

    It adds to those that were better before it. The samples that it was measured on are among those that calibrated.
    """

    what: str
    sqnr_db: float
    taken: bool


Way = tuple[str, ...]
"""The method by which the ranges of each stretch of the network are chosen, from its inputs to its outputs."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen."""

    way: Way
    corrects: bool
    steps: tuple[Step, ...]

    def write(self, write: Write, evidence: Evidence) -> None:
        """Write the model with what all samples say now."""
        write(_ranges(evidence.choices(), self.way), evidence.means() if self.corrects else None)


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
    """Try the ranges that each method gives, everywhere and stretch by stretch, then the biases.

    The best model is left in `output`.
    """
    return _Trials(hub, output, write, evidence, samples).run()


class _Trials:
    """The alternatives tried so far, and the best of them."""

    def __init__(self, hub: Path, output: Path, write: Write, evidence: Evidence, samples: Sequence[Sample]) -> None:
        self._reference = Reference(hub, samples, "calibration samples")
        self._output, self._write = output, write
        self._choices, self._means = evidence.choices(), evidence.means()
        self._best: tuple[Way, bool] = ((next(iter(self._choices)),) * len(STRETCHES), False)
        self._best_db = -math.inf
        self._written = self._best
        self._steps: list[Step] = []

    def run(self) -> Choice:
        """Try all; return the best."""
        for method in self._choices:
            if method != TIGHT:
                self._try(f"{method} ranges", (method,) * len(STRETCHES), corrects=False)
        for stretch, end in enumerate(STRETCHES if self._best_db < GOOD_DB else ()):
            for method in self._choices:
                if method in _OF_STRETCHES[stretch] and method != self._best[0][stretch]:
                    way = (*self._best[0][:stretch], method, *self._best[0][stretch + 1 :])
                    start = STRETCHES[stretch - 1] if stretch else 0.0
                    where = f"from {start:.0%} to {end:.0%} of the network"
                    self._try(f"{method} ranges {where}", way, corrects=False)
        if self._means:
            self._try("biases that make up for rounded weights", self._best[0], corrects=True)
        if self._written != self._best:
            self._make(*self._best)
        return Choice(*self._best, tuple(self._steps))

    def _try(self, what: str, way: Way, *, corrects: bool) -> None:
        first = not self._steps
        if not first and not corrects and _ranges(self._choices, way) == _ranges(self._choices, self._best[0]):
            return
        self._make(way, corrects)
        figure = self._reference.measure(self._output).lowest_db
        taken = first or figure >= self._best_db + WORTH_DB
        self._steps.append(Step(what, figure, taken))
        if taken:
            self._best, self._best_db = (way, corrects), figure

    def _make(self, way: Way, corrects: bool) -> None:
        self._write(_ranges(self._choices, way), self._means if corrects else None)
        self._written = way, corrects


def _ranges(choices: Mapping[str, Ranges], way: Way) -> Ranges:
    """Return the ranges of a way; the tensors come in the order in which they are computed."""
    names = list(choices[way[0]])
    stretches = [bisect_left(STRETCHES, (place + 1) / len(names)) for place in range(len(names))]
    return {name: choices[way[stretch]][name] for name, stretch in zip(names, stretches, strict=True)}
