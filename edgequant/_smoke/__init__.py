"""A smoke test: a bundle's goldens on a board, held against the bits that they gave here."""

from ._result import Check, Difference, GoldenResult, GoldenRun, Latency, OutputResult, SmokeError, SmokeResult
from ._smoke import smoke

__all__ = [
    "Check",
    "Difference",
    "GoldenResult",
    "GoldenRun",
    "Latency",
    "OutputResult",
    "SmokeError",
    "SmokeResult",
    "smoke",
]
