"""The version of an operator that a file must ask for: LiteRT refuses those that it does not have."""

from ._model import Operator


def version_of(operator: Operator) -> int:
    """Return the version to write."""
    return operator.version
