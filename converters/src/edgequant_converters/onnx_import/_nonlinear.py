"""Activations: LiteRT's own where it has one, else the fewest operators that stay exact."""

import math

from edgequant_converters.ir import Builder, Tensor

from ._accurate import log_of_one_plus
from ._node import Node
from ._registry import lowers

_SELU_ALPHA, _SELU_GAMMA = 1.67326319217681884765625, 1.05070102214813232421875  # ONNX: Selu


@lowers("LeakyRelu")
def leaky_relu(node: Node, build: Builder) -> Tensor:
    """X, times alpha where it is negative."""
    return build.unary("LEAKY_RELU", node.input(0), alpha=node.get("alpha", 0.01))


@lowers("PRelu")
def prelu(node: Node, build: Builder) -> Tensor:
    """X, times a slope where it is negative; one slope for all is a leaky ReLU."""
    x, slope = node.input(0), node.input(1)
    if x.type != "FLOAT32":
        node.refuse(f"values of {x.type}")
    if slope.is_constant and slope.size == 1:
        return build.unary("LEAKY_RELU", x, alpha=float(slope.values.item()))
    if slope.is_constant:
        return build.op("PRELU", [x, build.reshape(slope, _without_leading_ones(slope, x.rank - 1))], x.shape)
    falling = build.binary("MINIMUM", x, build.like(0, x))
    return build.add(build.unary("RELU", x), build.mul(slope, falling))


def _without_leading_ones(slope: Tensor, rank: int) -> tuple[int, ...]:
    shape = slope.shape
    while len(shape) > rank and shape[0] == 1:  # LiteRT's slopes have no batch
        shape = shape[1:]
    return shape


@lowers("Elu")
def elu(node: Node, build: Builder) -> Tensor:
    """X, alpha * (e^x - 1) where it is negative."""
    return _elu(build, node.input(0), node.get("alpha", 1.0), 1.0)


@lowers("Selu")
def selu(node: Node, build: Builder) -> Tensor:
    """Gamma * x, gamma * alpha * (e^x - 1) where it is negative."""
    return _elu(build, node.input(0), node.get("alpha", _SELU_ALPHA), node.get("gamma", _SELU_GAMMA))


def _elu(build: Builder, x: Tensor, alpha: float, gamma: float) -> Tensor:
    own = build.unary("ELU", x)
    if alpha == 1.0:
        return _times(build, own, gamma)
    falling = _times(build, own, alpha * gamma)
    if gamma == 1.0 and 0 <= alpha < 1:  # then x is above the curve exactly where it is positive
        return build.binary("MAXIMUM", x, falling)
    return build.select(build.binary("GREATER", x, build.like(0, x)), _times(build, x, gamma), falling)


@lowers("Celu")
def celu(node: Node, build: Builder) -> Tensor:
    """X, alpha * (e^(x / alpha) - 1) where it is negative."""
    x, alpha = node.input(0), node.get("alpha", 1.0)
    return _times(build, build.unary("ELU", _times(build, x, 1 / alpha)), alpha)


@lowers("HardSigmoid")
def hard_sigmoid(node: Node, build: Builder) -> Tensor:
    """Alpha * x + beta within 0 and 1: a sixth of a ReLU6, which can be fused into the addition."""
    x, alpha, beta = node.input(0), node.get("alpha", 0.2), node.get("beta", 0.5)
    scaled = _times(build, x, 1.0 if math.isclose(6 * alpha, 1.0, rel_tol=1e-6) else 6 * alpha)
    return _times(build, build.unary("RELU6", build.add(scaled, build.like(6 * beta, x))), 1 / 6)


@lowers("HardSwish")
def hard_swish(node: Node, build: Builder) -> Tensor:
    """X * relu6(x + 3) / 6."""
    return build.unary("HARD_SWISH", node.input(0))


@lowers("Gelu")
def gelu(node: Node, build: Builder) -> Tensor:
    """X times the normal distribution up to x, exact or by tanh."""
    return build.unary("GELU", node.input(0), approximate=node.get("approximate", "none") == "tanh")


@lowers("Swish")
def swish(node: Node, build: Builder) -> Tensor:
    """X * sigmoid(alpha * x)."""
    x = node.input(0)
    return build.mul(x, build.unary("LOGISTIC", _times(build, x, node.get("alpha", 1.0))))


@lowers("Mish")
def mish(node: Node, build: Builder) -> Tensor:
    """X * tanh(log(1 + e^x)): with n = e^x * (e^x + 2) that is x * n / (n + 2)."""
    x = node.input(0)
    # From 20 on n / (n + 2) is 1 in float32; the bound keeps n finite.
    power = build.unary("EXP", build.binary("MINIMUM", x, build.like(20.0, x)))
    two = build.like(2.0, x)
    n = build.mul(power, build.add(power, two))
    return build.mul(x, build.div(n, build.add(n, two)))


@lowers("Softplus")
def softplus(node: Node, build: Builder) -> Tensor:
    """Log(1 + e^x), as max(x, 0) + log(1 + e^-|x|): no power overflows."""
    x = node.input(0)
    power = build.unary("EXP", build.unary("NEG", build.unary("ABS", x)))
    return build.add(build.unary("RELU", x), log_of_one_plus(build, power))


@lowers("Softsign")
def softsign(node: Node, build: Builder) -> Tensor:
    """X / (1 + |x|)."""
    x = node.input(0)
    return build.div(x, build.add(build.unary("ABS", x), build.like(1.0, x)))


@lowers("ThresholdedRelu")
def thresholded_relu(node: Node, build: Builder) -> Tensor:
    """X above alpha, else 0."""
    x = node.input(0)
    return build.select(build.binary("GREATER", x, build.like(node.get("alpha", 1.0), x)), x, build.like(0.0, x))


@lowers("Shrink")
def shrink(node: Node, build: Builder) -> Tensor:
    """X moved by the bias towards 0 outside of -lambd and lambd, and 0 within."""
    x = node.input(0)
    if x.type != "FLOAT32":
        node.refuse(f"values of {x.type}")
    bias, limit = node.get("bias", 0.0), node.get("lambd", 0.5)
    if bias == limit:
        low, high = build.like(-limit, x), build.like(limit, x)
        return build.sub(x, build.binary("MINIMUM", build.binary("MAXIMUM", x, low), high))
    outside = build.binary("GREATER", build.unary("ABS", x), build.like(limit, x))
    moved = build.sub(x, build.mul(build.unary("SIGN", x), build.like(bias, x))) if bias else x
    return build.select(outside, moved, build.like(0.0, x))


def _times(build: Builder, x: Tensor, factor: float) -> Tensor:
    return x if factor == 1.0 else build.mul(x, build.like(factor, x))
