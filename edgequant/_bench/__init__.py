"""Time models, engines and thread counts against each other, interleaved, so that drift hits all alike."""

from ._bench import bench, bench_on_board
from ._conditions import Conditions, State
from ._plan import EVERY_ENGINE, configurations
from ._results import BenchReport, BenchResult

__all__ = [
    "EVERY_ENGINE",
    "BenchReport",
    "BenchResult",
    "Conditions",
    "State",
    "bench",
    "bench_on_board",
    "configurations",
]
