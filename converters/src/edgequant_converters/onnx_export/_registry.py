"""The table of LiteRT's operators that are known, filled by the modules that write them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from edgequant_converters.ir import Operator

if TYPE_CHECKING:
    from ._writer import Writer

Export: TypeAlias = "Callable[[Writer, Operator], None]"
"""Appends the nodes that an operator becomes, and says which values its outputs are."""

EXPORTS: dict[str, Export] = {}
"""LiteRT's operator -> what writes it."""


class RefusedOperatorError(Exception):
    """An operator cannot be said in ONNX; the text names it and says why."""


def writes(*codes: str) -> Callable[[Export], Export]:
    """Enter a function into the table under these operators' names."""

    def enter(function: Export) -> Export:
        EXPORTS.update(dict.fromkeys(codes, function))
        return function

    return enter


def refuse(operator: Operator, what: str) -> RefusedOperatorError:
    """Return the refusal of an operator, to be raised."""
    name = operator.output.name if operator.outputs else ""
    return RefusedOperatorError(f"{operator.custom or operator.code} '{name}': {what}")
