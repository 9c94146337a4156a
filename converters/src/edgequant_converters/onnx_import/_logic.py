"""Truth values: logic, choices by them, and what they say of floats."""

import math

from edgequant_converters.ir import Builder, Tensor, broadcast_shapes

from ._node import Node
from ._registry import LOWERINGS, Lowering, lowers


def _logic(code: str) -> Lowering:
    def lowering(node: Node, build: Builder) -> Tensor:
        x, y = node.input(0), node.input(1)
        return build.op(code, [x, y], broadcast_shapes(x.shape, y.shape))

    return lowering


LOWERINGS.update({"And": _logic("LOGICAL_AND"), "Or": _logic("LOGICAL_OR"), "Xor": _logic("NOT_EQUAL")})


@lowers("Not")
def invert(node: Node, build: Builder) -> Tensor:
    """Write true where x is false."""
    return build.unary("LOGICAL_NOT", node.input(0))


@lowers("Where")
def where(node: Node, build: Builder) -> Tensor:
    """X where the condition holds, else y."""
    return build.select(node.input(0), node.input(1), node.input(2))


@lowers("IsNaN")
def is_nan(node: Node, build: Builder) -> Tensor:
    """Write true where x is not even equal to itself."""
    x = node.input(0)
    return build.binary("NOT_EQUAL", x, x)


@lowers("IsInf")
def is_infinite(node: Node, build: Builder) -> Tensor:
    """Write true where x is infinite, of the signs that are asked for."""
    x = node.input(0)
    positive, negative = node.get("detect_positive", 1), node.get("detect_negative", 1)
    if not positive and not negative:
        return build.binary("LESS", build.unary("ABS", x), build.like(0, x))
    if positive and negative:
        return build.binary("EQUAL", build.unary("ABS", x), build.like(math.inf, x))
    return build.binary("EQUAL", x, build.like(math.inf if positive else -math.inf, x))
