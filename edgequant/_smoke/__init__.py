"""A smoke test: a bundle's goldens on a board, held against the bits that they gave here."""

from ._checks import assumed_features, available_features, can_execute
from ._facts import device_facts, latency_facts
from ._junit import write_junit, xml_text
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
    "assumed_features",
    "available_features",
    "can_execute",
    "device_facts",
    "latency_facts",
    "smoke",
    "write_html",
    "write_junit",
    "xml_text",
]
