"""A family of models on one page: what each costs, what it is worth, and which one to take where."""

from ._report import report
from ._result import DeviceAdvice, FamilyReport, Front, Latency, ModelReport

__all__ = ["DeviceAdvice", "FamilyReport", "Front", "Latency", "ModelReport", "report"]
