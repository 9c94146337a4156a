"""A smoke test: a bundle's goldens on a board, held against the bits that they gave here."""

from ._facts import device_facts, latency_facts
from ._junit import write_junit
from ._page import write_html
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
    "device_facts",
    "latency_facts",
    "smoke",
    "write_html",
    "write_junit",
]
