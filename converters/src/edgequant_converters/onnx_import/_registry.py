"""The table of ONNX operators that are known, filled by the modules that lower them."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from edgequant_converters.ir import Builder, Tensor

from ._node import Node

Lowering: TypeAlias = Callable[[Node, Builder], Tensor | Sequence[Tensor | None]]
"""Appends what a node becomes; returns its outputs, None for one that nobody may ask for."""

LOWERINGS: dict[str, Lowering] = {}
"""ONNX operator -> its lowering."""


def lowers(*op_types: str) -> Callable[[Lowering], Lowering]:
    """Enter a function into the table under these operators' names."""

    def enter(function: Lowering) -> Lowering:
        LOWERINGS.update(dict.fromkeys(op_types, function))
        return function

    return enter
