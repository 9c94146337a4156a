"""The version of an operator that a file must ask for: LiteRT refuses those that it does not have."""

from ._model import Operator

_FIRST = {"BROADCAST_TO": 2}  # LiteRT registers no version 1 of it


def version_of(operator: Operator) -> int:
    """Return the version to write."""
    return max(operator.version, _FIRST.get(operator.code, 1))
