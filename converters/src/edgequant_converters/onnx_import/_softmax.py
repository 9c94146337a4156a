"""Softmax, its logarithm, and its limit: over one axis, or in old opsets over all from an axis on."""

from collections.abc import Callable
from math import prod

from edgequant_converters.ir import Builder, Tensor

from ._node import Node
from ._registry import lowers

_ONE_AXIS = 13  # the opset from which `axis` is the only one that is summed over


@lowers("Softmax")
def softmax(node: Node, build: Builder) -> Tensor:
    """Powers of e, divided by their sum."""
    return _over_axis(node, build, lambda x: build.unary("SOFTMAX", x, beta=1.0))


@lowers("LogSoftmax")
def log_softmax(node: Node, build: Builder) -> Tensor:
    """Logarithms of the softmax."""
    return _over_axis(node, build, lambda x: build.unary("LOG_SOFTMAX", x))


@lowers("Hardmax")
def hardmax(node: Node, build: Builder) -> Tensor:
    """1 at the first maximum, else 0."""

    def over_last(x: Tensor) -> Tensor:
        where = build.op("ARG_MAX", [x, build.constant(x.rank - 1, "int32")], x.shape[:-1], "INT32", outputType="INT32")
        on, off = build.like(1.0, x), build.like(0.0, x)
        return build.op("ONE_HOT", [where, build.constant(x.shape[-1], "int32"), on, off], x.shape, x.type, axis=-1)

    return _over_axis(node, build, over_last)


def _over_axis(node: Node, build: Builder, over_last: Callable[[Tensor], Tensor]) -> Tensor:
    x = node.input(0)
    if x.type != "FLOAT32":
        node.refuse(f"values of {x.type}")
    if node.opset < _ONE_AXIS:
        axis = node.get("axis", 1) % x.rank if x.rank else 0
        if axis == x.rank - 1:
            return over_last(x)
        rows = prod(x.shape[:axis])
        return build.reshape(over_last(build.reshape(x, (rows, prod(x.shape[axis:])))), x.shape)
    axis = node.get("axis", -1) % x.rank if x.rank else 0
    if x.rank == 0:
        return build.reshape(over_last(build.reshape(x, (1,))), ())
    order = [i for i in range(x.rank) if i != axis] + [axis]
    turned = build.transpose(x, order)
    made = over_last(turned)
    return build.transpose(made, [order.index(i) for i in range(x.rank)])
