"""A configuration on this machine, in a process of its own."""

from dataclasses import asdict
from typing import Any, Self

from edgequant_runtime import ProfileStep
from edgequant_runtime.isolation import WorkerDeath, WorkerProcess

from ._plan import Configuration, Turn
from ._timer import PROFILED_RUNS, Timing

SLOWEST_SECONDS = 300.0
"""How long one inference may take, and as long may opening the model."""


class ProcessTimer:
    """Times a configuration in a process that stays for all rounds; see `edgequant._bench_worker`."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration

    def __enter__(self) -> Self:
        self._process = WorkerProcess("edgequant._bench_worker")
        try:
            self._loaded = self._ask(
                {**asdict(self.configuration), "model": str(self.configuration.model)}, 2 * SLOWEST_SECONDS
            )
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.close()

    @property
    def processes(self) -> tuple[int, ...]:
        """The number of its process."""
        return (self._process.pid,)

    def time(self, turn: Turn) -> Timing:
        """Have the process take a turn."""
        longest = turn.runs * SLOWEST_SECONDS if turn.seconds is None and turn.runs else turn.seconds or 0.0
        return Timing(**self._loaded, **self._ask(asdict(turn), turn.warm_up + longest + 2 * SLOWEST_SECONDS))

    def profile(self) -> tuple[ProfileStep, ...] | None:
        """Have the native engine run once more, with a clock around every step."""
        if self.configuration.engine != "native":
            return None
        answer = self._ask({"profiled_runs": PROFILED_RUNS}, PROFILED_RUNS * SLOWEST_SECONDS)
        return tuple(ProfileStep(*step) for step in answer["steps"])

    def _ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        try:
            answer, _ = self._process.ask(request, seconds=seconds)
        except WorkerDeath as death:
            name, engine = self.configuration.model.name, self.configuration.engine
            raise death.to_error(engine, f"running {name}") from death
        return answer
