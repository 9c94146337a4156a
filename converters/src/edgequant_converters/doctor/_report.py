"""What the doctor found, tried and wrote."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgequant_converters._metrics import IDENTICAL_DB
from edgequant_converters._schemes import Target

from ._case import Step
from ._judge import Score


@dataclass(frozen=True, slots=True)
class Milliseconds:
    """What an inference may take, and what it takes in plain int8 and in the written model: the shortest of several.

    `mended` is None if the native engine does not run the written model.
    """

    budget: float
    plain: float
    mended: float | None

    @property
    def missed(self) -> str | None:
        """Say in a sentence that the written model is not known to keep the budget; None if it does."""
        if self.mended is None:
            return (
                f"The native engine does not run this model, so nothing tells whether it keeps to {self.budget:g} ms."
            )
        if self.mended > self.budget:
            return f"An inference takes {self.mended:.4g} ms, more than the {self.budget:g} ms of the budget."
        return None


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """The outcome of `doctor`.

    `plain` and `mended` are the scores of a plain int8 conversion (ranges from smallest to largest value) and of the
    written model, on samples that neither calibrated nor decided anything (`measured_on` says which). `off_int8` names
    what is not int8, with its format. `limits` says what keeps the SQNR from being higher, and first that the budget of
    milliseconds is missed. `milliseconds` is None without a budget of them.
    """

    source: str
    output: Path
    recipe: Path
    target: Target
    findings: tuple[str, ...]
    steps: tuple[Step, ...]
    plain: Score
    mended: Score
    float_accuracy: float | None
    measured_on: str
    bytes: int
    plain_bytes: int
    source_bytes: int
    off_int8: dict[str, str]
    limits: tuple[str, ...]
    milliseconds: Milliseconds | None
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON-ready values; the keys are documented in docs/doctor.md."""
        return {
            "source": self.source,
            "output": str(self.output),
            "recipe": str(self.recipe),
            "target": str(self.target),
            "findings": list(self.findings),
            "steps": [_step(step) for step in self.steps],
            "plain": {**_score(self.plain), "bytes": self.plain_bytes},
            "mended": {**_score(self.mended), "bytes": self.bytes},
            "float": {"accuracy": self.float_accuracy, "bytes": self.source_bytes},
            "measured_on": self.measured_on,
            "off_int8": self.off_int8,
            "limits": list(self.limits),
            "milliseconds": None if self.milliseconds is None else asdict(self.milliseconds),
            "seconds": self.seconds,
        }


def _step(step: Step) -> dict[str, Any]:
    after = None if step.after is None else _score(step.after)
    return {
        "technique": step.technique,
        "what": step.what,
        "before": _score(step.before),
        "after": after,
        "kept": step.kept,
    }


def _score(score: Score) -> dict[str, Any]:
    decibels = None if score.sqnr_db <= -IDENTICAL_DB else score.sqnr_db
    return {"sqnr_db": decibels, "typical_db": score.typical_db, "accuracy": score.accuracy}
