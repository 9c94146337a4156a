"""The seam between timing and where a configuration runs: a process here, or a program on a board."""

from dataclasses import dataclass
from typing import Protocol, Self

from edgequant_runtime import ProfileStep

from ._plan import Configuration, Turn

PROFILED_RUNS = 100
"""Inferences that a profile is the mean of."""


@dataclass(frozen=True, slots=True)
class Timing:
    """What a configuration did in one turn: its latencies in their order, and what it took to get there."""

    latencies_ns: list[int]
    engine_version: str
    load_ms: float
    peak_rss_bytes: int
    baseline_rss_bytes: int


class Timer(Protocol):
    """Times one configuration. To enter it is to try that the model opens and runs; leaving it frees all."""

    configuration: Configuration

    @property
    def processes(self) -> tuple[int, ...]:
        """The numbers of the processes of this machine in which it runs the model; () where that is on a board."""

    def time(self, turn: Turn) -> Timing:
        """Take a turn."""

    def profile(self) -> tuple[ProfileStep, ...] | None:
        """Return what each step costs, over PROFILED_RUNS inferences; None for an engine that does not tell."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...
