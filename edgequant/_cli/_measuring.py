"""`edgequant check --measure`: a short benchmark that outvotes the rules, and never hides them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgequant._bench import BenchReport
    from edgequant._transports import Transport

SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Measurement:
    """What timing the models on the device gave: a report, or a sentence on why there is none."""

    report: "BenchReport | None"
    failure: str | None = None

    @property
    def medians(self) -> dict[tuple[str, str], float]:
        """The median latency in microseconds by format and engine, the least where several models have them."""
        least: dict[tuple[str, str], float] = {}
        for result in self.report.results if self.report else ():
            if result.format is not None:
                key = (result.format, result.engine)
                least[key] = min(result.median_us, least.get(key, result.median_us))
        return least

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what spoils the figures, is missing among them, or is of no known format."""
        results = self.report.results if self.report else ()
        unknown = dict.fromkeys(Path(result.model).name for result in results if result.format is None)
        return (
            *(self.report.notes if self.report else ()),
            *(f"The number format of {name} cannot be told, so its figures count for nothing." for name in unknown),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return what `edgequant bench --json` prints, or the failure."""
        return self.report.to_dict() if self.report else {"failure": self.failure}


def check_models(models: Sequence[Path]) -> None:
    """Raise the error for a file that is no model, before anything is connected to or timed."""
    from edgequant._bench import EVERY_ENGINE, configurations

    configurations(models, EVERY_ENGINE, (1,))


def measure(
    models: Sequence[Path], transport: "Transport | None", runner: Path | None, python: str | None
) -> Measurement:
    """Time the models, on every engine that runs them and is there, for some seconds; here if there is no transport."""
    from edgequant_runtime import SessionError

    from edgequant._bench import EVERY_ENGINE, bench, bench_on_board
    from edgequant._errors import EdgequantError

    from ._progress import step_progress

    with step_progress() as show:
        asked: dict[str, Any] = {
            "engines": EVERY_ENGINE, "seconds": SECONDS, "leave_out": True,
            "progress": lambda step, done, total: show(step, int(done), int(total)),
        }  # fmt: skip
        try:
            if transport is None:
                return Measurement(bench(models, **asked))
            return Measurement(bench_on_board(models, transport, runner=runner, python=python or "python3", **asked))
        except (EdgequantError, SessionError) as error:
            return Measurement(None, str(error))
