"""Arithmetic on single elements."""

from collections.abc import Callable
from functools import reduce

import numpy as np

from edgequant_converters.ir import Builder, Tensor

from ._integers import divide_int64, power_int64, sign_of_integers, truncated_remainder
from ._node import Node
from ._registry import LOWERINGS, Lowering, lowers
from ._types import FLOATS, NUMBERS, apply, held_in

_UNARY = {
    "Ceil": "CEIL", "Cos": "COS", "Exp": "EXP", "Floor": "FLOOR", "Log": "LOG", "Relu": "RELU", "Round": "ROUND",
    "Sigmoid": "LOGISTIC", "Sin": "SIN", "Sqrt": "SQRT", "Tanh": "TANH",
}  # fmt: skip
_BINARY = {"Add": "ADD", "Mul": "MUL", "Sub": "SUB"}
_SMALL_POWER = 4


def _unary(code: str) -> Lowering:
    return lambda node, build: apply(node, build, code, node.input(0), kinds=FLOATS)


def _binary(code: str) -> Lowering:
    return lambda node, build: apply(node, build, code, node.input(0), node.input(1))


LOWERINGS.update({op_type: _unary(code) for op_type, code in _UNARY.items()})
LOWERINGS.update({op_type: _binary(code) for op_type, code in _BINARY.items()})


@lowers("Identity", "OptionalGetElement")
def identity(node: Node, build: Builder) -> Tensor:
    """Pass the data through."""
    return node.input(0)


@lowers("Dropout")
def dropout(node: Node, build: Builder) -> list[Tensor]:
    """Pass the data through, as in inference; the mask keeps every element."""
    x = node.input(0)
    ratio = node.number("ratio", 1)
    if node.has_input(2) and node.constant(2).item() and ratio != 0:
        node.refuse("training_mode=1, which draws random numbers")
    if len(node.outputs) == 1:
        return [x]
    return [x, build.constant(np.ones(x.shape, np.bool_))]


@lowers("Abs")
def absolute(node: Node, build: Builder) -> Tensor:
    """Size of each number."""
    x = node.input(0)
    if x.type == "INT64":
        return build.binary("MAXIMUM", x, build.unary("NEG", x))
    return apply(node, build, "ABS", x, kinds=("FLOAT32", "INT32"))


@lowers("Neg")
def negative(node: Node, build: Builder) -> Tensor:
    """Append -x."""
    return apply(node, build, "NEG", node.input(0))


@lowers("Sign")
def sign(node: Node, build: Builder) -> Tensor:
    """-1, 0 or 1."""
    x = node.input(0)
    if x.type == "FLOAT32":
        return build.unary("SIGN", x)
    wide = build.cast(x, held_in(node, x.type))
    return build.cast(sign_of_integers(build, wide), x.type)


@lowers("Reciprocal")
def reciprocal(node: Node, build: Builder) -> Tensor:
    """Append 1 / x."""
    x = node.input(0)
    return build.div(build.like(1, x), x)


@lowers("Div")
def divide(node: Node, build: Builder) -> Tensor:
    """Quotient; of integers it is truncated."""
    x, y = node.input(0), node.input(1)
    kind = held_in(node, x.type)
    if kind == "INT64":
        return build.cast(divide_int64(build, build.cast(x, kind), build.cast(y, kind)), x.type)
    return apply(node, build, "DIV", x, y)


@lowers("Mod")
def modulo(node: Node, build: Builder) -> Tensor:
    """Remainder with the divisor's sign; with fmod=1 the dividend's."""
    x, y = node.input(0), node.input(1)
    if not node.get("fmod", 0):
        return apply(node, build, "FLOOR_MOD", x, y)
    kind = held_in(node, x.type)
    return build.cast(truncated_remainder(build, build.cast(x, kind), build.cast(y, kind)), x.type)


@lowers("Pow")
def power(node: Node, build: Builder) -> Tensor:
    """Power, of the base's type; small constant exponents are products and roots, which can be quantized."""
    x, y = node.input(0), node.input(1)
    if y.is_constant and y.size == 1 and y.rank <= x.rank:
        known = _known_power(node, build, x, float(y.values.item()))
        if known is not None:
            return known
    if x.type == "FLOAT32" or y.type == "FLOAT32":
        made = build.binary("POW", build.cast(x, "FLOAT32"), build.cast(y, "FLOAT32"))
        return build.cast(made, x.type)
    if held_in(node, x.type) == "INT32":
        return apply(node, build, "POW", x, y)
    return build.cast(power_int64(build, build.cast(x, "INT64"), build.cast(y, "INT32")), x.type)


def _known_power(node: Node, build: Builder, x: Tensor, exponent: float) -> Tensor | None:
    if x.type == "FLOAT32":
        if exponent == 0.5:
            return build.unary("SQRT", x)
        if exponent == -0.5:
            return build.unary("RSQRT", x)
        if exponent == -1:
            return build.div(build.like(1, x), x)
    if exponent not in range(1, _SMALL_POWER + 1):
        return None
    base = build.cast(x, held_in(node, x.type))
    square = build.mul(base, base) if exponent > 1 else base
    if exponent > 2:
        square = build.mul(square, base if exponent == 3 else square)
    return build.cast(square, x.type)


def _of_all(code: str) -> Callable[[Node, Builder], Tensor]:
    def lowering(node: Node, build: Builder) -> Tensor:
        return reduce(lambda x, y: apply(node, build, code, x, y), _inputs(node))

    return lowering


LOWERINGS.update({"Max": _of_all("MAXIMUM"), "Min": _of_all("MINIMUM"), "Sum": _of_all("ADD")})


@lowers("Mean")
def mean(node: Node, build: Builder) -> Tensor:
    """Mean of all inputs, element by element."""
    inputs = _inputs(node)
    total = reduce(build.add, inputs)
    return build.mul(total, build.like(1 / len(inputs), total)) if len(inputs) > 1 else total


def _inputs(node: Node) -> list[Tensor]:
    return [node.input(index) for index in range(len(node.inputs))]


@lowers("Clip")
def clip(node: Node, build: Builder) -> Tensor:
    """Keep within bounds, the upper one where they cross; those of fused activations become one operator."""
    x = node.input(0)
    low, high = (_bound(node, build, name, index) for name, index in (("min", 1), ("max", 2)))
    if x.type == "FLOAT32":
        bounds = tuple(_number(bound) for bound in (low, high))
        if bounds in _ACTIVATIONS:
            return build.unary(_ACTIVATIONS[bounds], x)
    for code, bound in (("MAXIMUM", low), ("MINIMUM", high)):
        if bound is not None:
            x = apply(node, build, code, x, bound)
    return x


_ACTIVATIONS = {
    (0.0, None): "RELU", (0.0, 6.0): "RELU6", (-1.0, 1.0): "RELU_N1_TO_1", (0.0, 1.0): "RELU_0_TO_1",
}  # fmt: skip
_INFINITE = 3.4e38


def _bound(node: Node, build: Builder, attribute: str, index: int) -> Tensor | None:
    if attribute in node.attributes:
        return build.constant(node.attributes[attribute], np.float32)
    tensor = node.optional(index)
    return None if tensor is None else build.reshape(tensor, ())


def _number(bound: Tensor | None) -> float | str | None:
    """Return a bound's value, None for one that bounds nothing, and a word for one that is computed from data."""
    if bound is None:
        return None
    if not bound.is_constant:
        return "unknown"
    value = float(bound.values.item())
    return None if abs(value) >= _INFINITE else value


KINDS_OF_EQUALITY = (*NUMBERS, "BOOL")


def _comparison(code: str) -> Lowering:
    kinds = KINDS_OF_EQUALITY if code == "EQUAL" else NUMBERS
    return lambda node, build: apply(node, build, code, node.input(0), node.input(1), kinds=kinds)


LOWERINGS.update(
    {
        "Equal": _comparison("EQUAL"), "Greater": _comparison("GREATER"), "Less": _comparison("LESS"),
        "GreaterOrEqual": _comparison("GREATER_EQUAL"), "LessOrEqual": _comparison("LESS_EQUAL"),
    }
)  # fmt: skip
