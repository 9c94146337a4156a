"""One model under treatment: the workshop, the two judges, and the treatment that is best so far."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgequant_converters._errors import SourceError, UnsupportedError

from ._judge import Judge, Score
from ._treatment import Tick, Treatment, Workshop

HELPS_DB = 0.1
"""A step that gains less than this is not kept: the recipe stays short. Nor is one that lowers the SQNR itself."""

ACCURACY_SLACK = 0.002
"""How much accuracy, from 0 to 1, a step may lose while it gains SQNR: a few samples near a decision."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One thing to try: what it is, in words, and the whole treatment with it."""

    what: str
    treatment: Treatment


@dataclass(frozen=True, slots=True)
class Step:
    """One technique, tried: scores on samples that did not calibrate, before and after, and whether it was kept.

    `after` is None if there was nothing to try. `what` says what was done, or why nothing was.
    """

    technique: str
    what: str
    before: Score
    after: Score | None
    kept: bool


@dataclass(slots=True)
class Case:
    """`fit` judges on calibration samples, to choose among candidates; `held_back` on others, to keep or drop."""

    workshop: Workshop
    fit: Judge
    held_back: Judge
    file: Path
    treatment: Treatment
    score: Score
    tick: Tick
    steps: list[Step] = field(default_factory=list)

    def fitted(self, treatment: Treatment) -> Score | None:
        """Return the score on calibration samples, None if the model cannot be built."""
        return self._measure(self.fit, treatment)

    def merit(self, treatment: Treatment) -> float | None:
        """Return what treatments are compared by, measured on calibration samples; None if it cannot be built."""
        score = self.fitted(treatment)
        return None if score is None else score.merit

    def try_out(self, technique: str, candidates: Sequence[Candidate], nothing: str) -> bool:
        """Judge the best of the candidates, keep it if it helps, and note the step; tell whether it was kept.

        `nothing` says why there may be no candidates.
        """
        rated = [(merit, c) for c in candidates if (merit := self.merit(c.treatment)) is not None]
        if not rated:
            self.steps.append(Step(technique, nothing, self.score, None, False))
            return False
        _, best = max(rated, key=lambda pair: pair[0])
        after = self._measure(self.held_back, best.treatment)
        kept = after is not None and self._helps(after)
        self.steps.append(Step(technique, best.what, self.score, after, kept))
        if kept and after is not None:
            self.treatment, self.score = best.treatment, after
        return kept

    def _helps(self, after: Score) -> bool:
        if after.accuracy is not None and self.score.accuracy is not None:
            best = max([self.score.accuracy, *(step.before.accuracy or 0.0 for step in self.steps)])
            if after.accuracy < best - ACCURACY_SLACK:
                return False
        better = after.sqnr_db >= self.score.sqnr_db and after.merit >= self.score.merit + HELPS_DB
        return better and after.gains_on(self.score)

    def _measure(self, judge: Judge, treatment: Treatment) -> Score | None:
        try:
            self.file.write_bytes(self.workshop.build(treatment))
            return judge.measure(self.file, treatment.edits)
        except (SourceError, UnsupportedError, RuntimeError):  # the quantizer or the engine lacks a form of an operator
            return None
