"""One network in every number format: what its weights take, and what rounding them costs."""

from ._study import FormatResult, FormatStudy, study

__all__ = ["FormatResult", "FormatStudy", "study"]
