"""Functions that LiteRT lacks, by formulas that are as exact as float32 near 0 and far from it."""

import numpy as np

from edgequant_converters.ir import Builder, Tensor

from ._node import Node
from ._registry import lowers

# XLA's erf of float32 (ErfImpl32): x * P(x^2) / Q(x^2) within the bounds beyond which erf is 1; from x^12 and x^8 down.
_ERF_BOUND = 3.7439211627767994
_ERF_P = (
    0.00022905065861350646, 0.0034082910107109506, 0.050955695062380861, 0.18520832239976145, 1.128379143519084,
)  # fmt: skip
_ERF_Q = (
    -1.1791602954361697e-07, 2.3547966471313185e-05, 0.0010179625278914885, 0.014070470171167667, 0.11098505178285362,
    0.49746925110067538, 1.0,
)  # fmt: skip


def log_of_one_plus(build: Builder, x: Tensor) -> Tensor:
    """Return log(1 + x) of x >= 0, exact for small x: what 1 + x loses is divided out again (W. Kahan)."""
    one = build.like(1.0, x)
    above = build.add(x, one)
    taken = build.sub(above, one)
    quotient = build.div(build.mul(build.unary("LOG", above), x), taken)
    return build.select(build.binary("EQUAL", taken, build.like(0.0, x)), x, quotient)


@lowers("Erf")
def erf(node: Node, build: Builder) -> Tensor:
    """Error function."""
    x = node.input(0)
    x = build.binary("MINIMUM", build.binary("MAXIMUM", x, build.like(-_ERF_BOUND, x)), build.like(_ERF_BOUND, x))
    square = build.mul(x, x)
    return build.div(build.mul(x, _polynomial(build, square, _ERF_P)), _polynomial(build, square, _ERF_Q))


def _polynomial(build: Builder, x: Tensor, coefficients: tuple[float, ...]) -> Tensor:
    """Return the polynomial with these coefficients, from the highest power down."""
    value = build.like(coefficients[0], x)
    for coefficient in coefficients[1:]:
        value = build.add(build.mul(value, x), build.like(coefficient, x))
    return value


@lowers("Tan")
def tan(node: Node, build: Builder) -> Tensor:
    """Sine / cosine."""
    x = node.input(0)
    return build.div(build.unary("SIN", x), build.unary("COS", x))


@lowers("Atan")
def atan(node: Node, build: Builder) -> Tensor:
    """Angle whose tangent is x."""
    x = node.input(0)
    return build.binary("ATAN2", x, build.constant(np.ones(x.shape, x.dtype)))  # it does not broadcast


@lowers("Asin")
def asin(node: Node, build: Builder) -> Tensor:
    """Angle whose sine is x."""
    x = node.input(0)
    return build.binary("ATAN2", x, _other_leg(build, x))


@lowers("Acos")
def acos(node: Node, build: Builder) -> Tensor:
    """Angle whose cosine is x."""
    x = node.input(0)
    return build.binary("ATAN2", _other_leg(build, x), x)


def _other_leg(build: Builder, x: Tensor) -> Tensor:
    """Return sqrt(1 - x^2), of factors that are exact near 1."""
    one = build.like(1.0, x)
    return build.unary("SQRT", build.mul(build.sub(one, x), build.add(one, x)))


@lowers("Cosh")
def cosh(node: Node, build: Builder) -> Tensor:
    """(e^x + e^-x) / 2."""
    x = node.input(0)
    half = build.like(0.5, x)
    return build.mul(build.add(build.unary("EXP", x), build.unary("EXP", build.unary("NEG", x))), half)


@lowers("Sinh")
def sinh(node: Node, build: Builder) -> Tensor:
    """(e^x - e^-x) / 2; within 1, where that cancels, 2 * t / (1 - t^2) with t = tanh(x / 2)."""
    x = node.input(0)
    half, one = build.like(0.5, x), build.like(1.0, x)
    far = build.mul(build.sub(build.unary("EXP", x), build.unary("EXP", build.unary("NEG", x))), half)
    t = build.unary("TANH", build.mul(x, half))
    near = build.div(build.add(t, t), build.sub(one, build.mul(t, t)))
    return build.select(build.binary("LESS", build.unary("ABS", x), one), near, far)


@lowers("Asinh")
def asinh(node: Node, build: Builder) -> Tensor:
    """Append the sign of x times log(1 + |x| + x^2 / (1 + sqrt(1 + x^2)))."""
    x = node.input(0)
    one, size, square = build.like(1.0, x), build.unary("ABS", x), build.mul(x, x)
    root = build.unary("SQRT", build.add(square, one))
    inner = build.add(size, build.div(square, build.add(root, one)))
    return build.mul(build.unary("SIGN", x), log_of_one_plus(build, inner))


@lowers("Acosh")
def acosh(node: Node, build: Builder) -> Tensor:
    """Append log(1 + t + sqrt(2t + t^2)) with t = x - 1."""
    x = node.input(0)
    t = build.sub(x, build.like(1.0, x))
    root = build.unary("SQRT", build.mul(t, build.add(t, build.like(2.0, x))))
    return log_of_one_plus(build, build.add(t, root))


@lowers("Atanh")
def atanh(node: Node, build: Builder) -> Tensor:
    """Append the sign of x times log(1 + 2|x| / (1 - |x|)) / 2."""
    x = node.input(0)
    size = build.unary("ABS", x)
    ratio = build.div(build.add(size, size), build.sub(build.like(1.0, x), size))
    half = build.mul(build.unary("SIGN", x), build.like(0.5, x))
    return build.mul(half, log_of_one_plus(build, ratio))


@lowers("Det")
def determinant(node: Node, build: Builder) -> Tensor:
    """Write the determinant of the last two axes, up to 4 by 4, by minors."""
    x = node.input(0)
    size = x.shape[-1]
    if size > _LARGEST_DETERMINANT:
        node.refuse(f"matrices of {size} by {size}")
    rows = [[build.reshape(build.slice(x, (*[0] * (x.rank - 2), i, j), (*x.shape[:-2], 1, 1)), x.shape[:-2])
             for j in range(size)] for i in range(size)]  # fmt: skip
    return _minors(build, rows)


_LARGEST_DETERMINANT = 4


def _minors(build: Builder, rows: list[list[Tensor]]) -> Tensor:
    if len(rows) == 1:
        return rows[0][0]
    total: Tensor | None = None
    for column, factor in enumerate(rows[0]):
        term = build.mul(factor, _minors(build, [row[:column] + row[column + 1 :] for row in rows[1:]]))
        total = term if total is None else build.binary("SUB" if column % 2 else "ADD", total, term)
    assert total is not None
    return total
