"""Operators that no model with fixed shapes and the same result every time can have, and why."""

from edgequant_converters.ir import Builder, Tensor

from ._node import Node
from ._registry import LOWERINGS, Lowering

_REASONS = {
    "the size of its output depends on data": ("ConstantOfShape", "NonZero", "Range", "Unique"),
    "it draws random numbers": (
        "Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike",
    ),
}  # fmt: skip


def _refusing(what: str) -> Lowering:
    def lowering(node: Node, build: Builder) -> Tensor:
        node.refuse(what)

    return lowering


LOWERINGS.update({op_type: _refusing(reason) for reason, op_types in _REASONS.items() for op_type in op_types})
