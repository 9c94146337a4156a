"""Which ranges, and whether biases make up for the rounding of weights: by measurement on calibration samples."""

import hashlib
import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ._evened import Evened, Spans
from ._measure import Answers, FloatHub, Reference, Standing
from ._request import Ranges, Sample
from .calibration import LEAST_FOURTH, LEAST_SQUARES, MINMAX, TIGHT, Evidence, Rounding

FIT_SAMPLES, FIT_BYTES = 24, 32 * 2**20
"""How many calibration samples the alternatives are compared on, at most, and how much memory they take with what the
hub answers to them."""

STRETCHES = (1 / 24, 1 / 6, 1 / 2, 1.0)
"""Where the stretches of a network end, as shares of its tensors. The first layers often have outliers that say
nothing, and cost all others steps; the last ones such that say all: a detector's objects."""

_ANYWHERE = (MINMAX, LEAST_FOURTH, LEAST_SQUARES)
_FIRST = (LEAST_FOURTH, LEAST_SQUARES, TIGHT)
_OF_STRETCHES = (_FIRST, _FIRST, _ANYWHERE, _ANYWHERE)
"""What is tried for each stretch alone."""

FIRST_ALONE = 4
"""So many of the first tensors are tried alone, each with those that have its largest value too. All others see what
they see; one that is cut off well beside one that is not costs a YOLOv8n's scores 2 to 4 dB."""

GOOD_DB = 40.0
"""From here on neither stretches nor even channels are tried: what is left to win is not worth the time."""

WORTH_DB = 0.2
"""An alternative that gains less than this is not taken: so few samples do not tell such differences."""

Write = Callable[[Ranges, Rounding | None, Path | None], int]
"""Writes the model with these ranges, and biases that make up for this rounding.

It is made from the hub or from one that stands for it.

Returns how many operators it left in float.
"""

EvenOut = Callable[[Spans], Evened | None]


@dataclass(frozen=True, slots=True)
class Step:
    """One alternative: what it is, the lowest SQNR with it in dB (of all outputs and parts), and whether it was better.

    It adds to those that were better before it. The `samples` that it was measured on are among those that calibrated;
    where a glance at the first three showed it to be hopeless, or the first third to be clearly worse, the others were
    spared.
    """

    what: str
    sqnr_db: float
    taken: bool
    samples: int


Way = tuple[str, ...]
"""The method by which the ranges of each stretch of the network are chosen, from its inputs to its outputs."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen, and the lowest SQNR with it on the first third of the samples, in dB."""

    pick: "Pick"
    steps: tuple[Step, ...]
    first_third_db: float

    @property
    def only_widens(self) -> bool:
        """Whether more samples can only widen the ranges; what is corrected and evened out by them moves little.

        Fitted ones move either way with each sample, and a deep network that was measured to be good with some is up to
        3 dB worse with others beside them.
        """
        return self.pick.methods == {MINMAX}

    def write(self, write: Write, evidence: Evidence) -> int:
        """Write the model with what all samples say now; return how many operators stay in float."""
        return self.pick.write(write, evidence.choices(), evidence.rounding(), evidence.spans())

    def taken_to(self, evidence: Evidence, same: Mapping[str, str], hub: Evidence) -> "Choice":
        """Return the same choice for the hub of another file format.

        `evidence` is that by which it was made, `same` has the names in `hub` of tensors that both have: where several
        are one there, that of its name counts, or else the first. What the other hub alone has goes the way of the
        tensor before it.
        """
        methods = dict[str, str]()
        for name, method in self.pick.each([*evidence.ranges()]).items():
            if name in same and (name == same[name] or same[name] not in methods):
                methods[same[name]] = method
        own, method = list[tuple[str, str]](), self.pick.way[0]
        for name in hub.ranges():
            method = methods.get(name, method)
            own.append((name, method))
        return replace(self, pick=replace(self.pick, own=tuple(own)))


@dataclass(frozen=True, slots=True)
class Pick:
    """One way to make the model: how ranges are chosen, whether biases are corrected, and from which hub.

    `own` has the methods of tensors that do not go the way of their stretch.
    """

    way: Way
    own: tuple[tuple[str, str], ...] = ()
    corrects: bool = False
    evened: Evened | None = None

    @property
    def methods(self) -> frozenset[str]:
        """What its ranges are chosen by."""
        return frozenset(self.way) | {method for _, method in self.own}

    def is_plain(self, method: str) -> bool:
        """Whether all ranges are those of this method, and nothing else is done."""
        return self.methods == {method} and not self.corrects and self.evened is None

    def write(self, write: Write, choices: Mapping[str, Ranges], rounding: Rounding, spans: Spans) -> int:
        """Write the model so; return how many operators stay in float."""
        ranges, hub = self.ranges(choices), None
        if self.evened is not None:
            ranges, rounding = self.evened.ranges(ranges, spans), self.evened.rounding(rounding)
            hub = self.evened.hub
        return write(ranges, rounding if self.corrects else None, hub)

    def ranges(self, choices: Mapping[str, Ranges]) -> Ranges:
        """Return the ranges of the first hub's tensors, which come in the order in which they are computed."""
        return {name: choices[method][name] for name, method in self.each(list(choices[self.way[0]])).items()}

    def each(self, names: Sequence[str]) -> dict[str, str]:
        """Return the method of each of these, which are all tensors."""
        own = dict(self.own)
        stretches = [bisect_left(STRETCHES, (place + 1) / len(names)) for place in range(len(names))]
        return {name: own.get(name, self.way[stretch]) for name, stretch in zip(names, stretches, strict=True)}


class KeepFirst:
    """Passes samples on and keeps the first of them, with the answers to them that it is told."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._samples = samples
        self.kept: list[Sample] = []
        self.answers: list[Answers] = []
        self._free = FIT_BYTES

    def __iter__(self) -> Iterator[Sample]:
        for sample in self._samples:
            self._free -= sum(array.nbytes for array in sample.values())
            if len(self.kept) < FIT_SAMPLES and (self._free >= 0 or not self.kept):
                self.kept.append(sample)
            yield sample

    def note(self, answers: Answers) -> None:
        """Keep what the hub answered to the last sample, if that was kept and there is room; without, drop both."""
        if len(self.answers) == len(self.kept):
            return
        self._free -= sum(array.nbytes for array in answers)
        if self._free >= 0 or not self.answers:
            self.answers.append(answers)
        else:
            self.kept.pop()

    def like_first(self) -> "KeepFirst":
        """Return those whose inputs have the sizes of the first one's."""
        found, sizes = KeepFirst(()), [{name: array.shape for name, array in one.items()} for one in self.kept]
        alike = [place for place, own in enumerate(sizes) if own == sizes[0]]
        found.kept = [self.kept[place] for place in alike]
        found.answers = [self.answers[place] for place in alike] if self.answers else []
        return found


def choose(
    hub: FloatHub,
    output: Path,
    write: Write,
    evidence: Evidence,
    fit: KeepFirst,
    even_out: EvenOut | None = None,
    *,
    piecewise: bool = True,
) -> Choice:
    """Try the ranges that each method gives, everywhere and, `piecewise`, stretch by stretch; then even channels.

    `fit` has the samples that they are compared on. The best model is left in `output`.
    """
    return _Trials(hub, output, write, evidence, fit, even_out).run(piecewise=piecewise)


class _Trials:
    """The alternatives tried so far, and the best of them."""

    def __init__(
        self, hub: FloatHub, output: Path, write: Write, evidence: Evidence, fit: KeepFirst, even_out: EvenOut | None
    ) -> None:
        self._reference = Reference(hub, fit.kept, fit.answers or None)
        self._output, self._write, self._even_out = output, write, even_out
        self._choices, self._rounding, self._spans = evidence.choices(), evidence.rounding(), evidence.spans()
        self._names = list(next(iter(self._choices.values())))
        self._first = evidence.passed_on(self._names[: int(len(self._names) * STRETCHES[1])])[:FIRST_ALONE]
        self._best = Pick((next(iter(self._choices)),) * len(STRETCHES))
        self._standing: Standing | None = None
        self._most_in_float = 0
        self._written = self._best
        self._measured = set[bytes]()
        self._steps: list[Step] = []

    def run(self, *, piecewise: bool) -> Choice:
        """Try all; return the best."""
        for method in self._choices:
            if method != TIGHT:
                self._try(f"{method} ranges", replace(self._best, way=(method,) * len(STRETCHES)))
            if len(self._steps) == 1 and self._rounding.means:
                # Before other ranges are: which are best depends on it.
                self._try("biases that make up for rounding", replace(self._best, corrects=True))
        if piecewise and self._standing is not None and self._standing.lowest_db < GOOD_DB:
            self._try_what_takes_time()
        if self._written != self._best:
            self._make(self._best)
        first = -math.inf if self._standing is None else self._standing.thirds[0]
        return Choice(self._best, tuple(self._steps), first)

    def _try_what_takes_time(self) -> None:
        for stretch in range(len(STRETCHES)):
            self._try_stretch(stretch)
        for names in self._first:
            self._try_alone(names)
        evened = self._even_out(self._spans) if self._even_out else None
        if evened is not None:
            self._try("channels that share a scale evened out", replace(self._best, evened=evened))

    def _try_stretch(self, stretch: int) -> None:
        start, end = STRETCHES[stretch - 1] if stretch else 0.0, STRETCHES[stretch]

        def attempt(method: str) -> None:
            way = (*self._best.way[:stretch], method, *self._best.way[stretch + 1 :])
            what = f"{method} ranges from {start:.0%} to {end:.0%} of the network"
            self._try(what, replace(self._best, way=way))

        self._try_others(self._best.way[stretch], _OF_STRETCHES[stretch], attempt)

    def _try_alone(self, names: Sequence[str]) -> None:
        def attempt(method: str) -> None:
            own = dict(self._best.own) | dict.fromkeys(names, method)
            self._try(f"{method} ranges of '{names[0]}'", replace(self._best, own=tuple(own.items())))

        self._try_others(self._best.each(self._names)[names[0]], _FIRST, attempt)

    def _try_others(self, now: str, methods: Sequence[str], attempt: Callable[[str], None]) -> None:
        """Try methods other than that of now, those too that cut off more than one that was worse.

        What is cut off does not tell: a voice detector lost 2 dB by a little, and won 5 by more.
        """
        for method in self._choices:
            if method != now and method in methods:
                attempt(method)

    def _try(self, what: str, pick: Pick) -> None:
        """Measure one, but for what is the same as one that was measured."""
        same = replace(self._best, way=pick.way, own=pick.own) == pick
        if self._steps and same and pick.ranges(self._choices) == self._best.ranges(self._choices):
            return
        in_float = self._make(pick)
        digest = hashlib.sha256(self._output.read_bytes()).digest()
        if digest in self._measured:
            return
        if not self._steps:
            self._most_in_float = in_float
        # What is better because more of it stays in float costs time on the board, and was not asked for.
        best = self._standing
        found = self._reference.stand(self._output, best)
        self._measured.add(digest)
        taken = best is None or (found.beats(best, WORTH_DB) and in_float <= self._most_in_float)
        self._steps.append(Step(what, found.lowest_db, taken, found.samples))
        if taken:
            self._best, self._standing = pick, found

    def _make(self, pick: Pick) -> int:
        self._written = pick
        return pick.write(self._write, self._choices, self._rounding, self._spans)
