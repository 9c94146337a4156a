"""Operators on single elements: arithmetic, comparisons, logic, activations, casts."""

import math
from collections.abc import Callable
from functools import reduce

import onnx
import torch
import torch.nn.functional as F  # noqa: N812 (the field's name for it)
from torch import Tensor

from ._node import Node
from ._registry import OPERATORS, operator

_UNARY: dict[str, Callable[[Tensor], Tensor]] = {
    "Abs": torch.abs, "Acos": torch.acos, "Acosh": torch.acosh, "Asin": torch.asin, "Asinh": torch.asinh,
    "Atan": torch.atan, "Atanh": torch.atanh, "Ceil": torch.ceil, "Cos": torch.cos, "Cosh": torch.cosh,
    "Erf": torch.erf, "Exp": torch.exp, "Floor": torch.floor, "Identity": lambda x: x, "IsNaN": torch.isnan,
    "Log": torch.log, "Mish": F.mish, "Neg": torch.neg, "Not": torch.logical_not, "Reciprocal": torch.reciprocal,
    "Relu": F.relu, "Round": torch.round, "Sigmoid": torch.sigmoid, "Sign": torch.sign, "Sin": torch.sin,
    "Sinh": torch.sinh, "Softplus": F.softplus, "Softsign": F.softsign, "Sqrt": torch.sqrt, "Tan": torch.tan,
    "Tanh": torch.tanh,
}  # fmt: skip

_BINARY: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "Add": torch.add, "And": torch.logical_and, "Equal": torch.eq, "Greater": torch.gt, "GreaterOrEqual": torch.ge,
    "Less": torch.lt, "LessOrEqual": torch.le, "Mul": torch.mul, "Or": torch.logical_or, "Sub": torch.sub,
    "Xor": torch.logical_xor,
}  # fmt: skip

DTYPES = {
    onnx.TensorProto.FLOAT: torch.float32, onnx.TensorProto.DOUBLE: torch.float64, onnx.TensorProto.BOOL: torch.bool,
    onnx.TensorProto.INT8: torch.int8, onnx.TensorProto.INT16: torch.int16, onnx.TensorProto.INT32: torch.int32,
    onnx.TensorProto.INT64: torch.int64, onnx.TensorProto.UINT8: torch.uint8,
}  # fmt: skip


def _ignoring_node(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda node, *inputs: function(*inputs)


OPERATORS.update({op_type: _ignoring_node(function) for op_type, function in _UNARY.items()})
OPERATORS.update({op_type: _ignoring_node(function) for op_type, function in _BINARY.items()})


@operator("Dropout")
def dropout(node: Node, x: Tensor, ratio: Tensor | None = None, training: Tensor | None = None) -> Tensor:
    """Pass the data through, as in inference."""
    return x


@operator("Div")
def divide(node: Node, a: Tensor, b: Tensor) -> Tensor:
    """Quotient; of integers it is truncated."""
    return torch.div(a, b) if a.is_floating_point() else torch.div(a, b, rounding_mode="trunc")


@operator("Pow")
def power(node: Node, base: Tensor, exponent: Tensor) -> Tensor:
    """Power; a constant exponent is passed as a number, for which squares and roots have operators of their own."""
    if 1 in node.constants and node.constants[1].size == 1 and exponent.ndim <= base.ndim:
        return torch.pow(base, node.constants[1].item())
    return torch.pow(base, exponent)


@operator("Mod")
def modulo(node: Node, a: Tensor, b: Tensor) -> Tensor:
    """Remainder with the sign of the divisor, or with fmod=1 of the dividend."""
    return torch.fmod(a, b) if node.get("fmod", 0) else torch.remainder(a, b)


@operator("Max")
def maximum(node: Node, *values: Tensor) -> Tensor:
    """Largest of all inputs."""
    return reduce(torch.maximum, values)


@operator("Min")
def minimum(node: Node, *values: Tensor) -> Tensor:
    """Smallest of all inputs."""
    return reduce(torch.minimum, values)


@operator("Sum")
def add_all(node: Node, *values: Tensor) -> Tensor:
    """Sum of all inputs."""
    return reduce(torch.add, values)


@operator("Mean")
def average(node: Node, *values: Tensor) -> Tensor:
    """Mean of all inputs."""
    return reduce(torch.add, values) / len(values)


@operator("Where")
def where(node: Node, condition: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Elements of `a` where the condition holds, else of `b`."""
    return torch.where(condition, a, b)


@operator("Cast")
def cast(node: Node, x: Tensor) -> Tensor:
    """Change the type; floats are truncated to integers."""
    dtype = DTYPES.get(node.attributes["to"])
    if dtype is None:
        node.unsupported(f"a cast to {onnx.TensorProto.DataType.Name(node.attributes['to'])}")
    return x.to(dtype)


@operator("CastLike")
def cast_like(node: Node, x: Tensor, like: Tensor) -> Tensor:
    """Change the type to that of another tensor."""
    return x.to(like.dtype)


@operator("Clip")
def clip(node: Node, x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    """Limit to [min, max]; either may be left out."""
    lowest, highest = node.number("min", 1), node.number("max", 2)
    return x if lowest is None and highest is None else torch.clamp(x, lowest, highest)


@operator("LeakyRelu")
def leaky_relu(node: Node, x: Tensor) -> Tensor:
    """Scale negative values by alpha."""
    return F.leaky_relu(x, node.get("alpha", 0.01))


@operator("PRelu")
def prelu(node: Node, x: Tensor, slope: Tensor) -> Tensor:
    """Scale negative values by a slope, which is broadcast to x."""
    aligned = (1,) * (x.ndim - slope.ndim) + tuple(slope.shape)
    if slope.numel() == 1 or (x.ndim > 1 and slope.numel() == aligned[1] == x.shape[1]):
        return F.prelu(x, slope.reshape(-1))
    return torch.where(x >= 0, x, x * slope)


@operator("Elu")
def elu(node: Node, x: Tensor) -> Tensor:
    """Where negative, alpha * (exp(x) - 1)."""
    return F.elu(x, node.get("alpha", 1.0))


@operator("Celu")
def celu(node: Node, x: Tensor) -> Tensor:
    """Where negative, alpha * (exp(x / alpha) - 1)."""
    return F.celu(x, node.get("alpha", 1.0))


@operator("Selu")
def selu(node: Node, x: Tensor) -> Tensor:
    """Where negative, alpha * (exp(x) - 1); all times gamma."""
    alpha, gamma = node.get("alpha", 1.67326319217681884765625), node.get("gamma", 1.05070102214813232421875)
    return torch.mul(F.elu(x, alpha), gamma)


@operator("ThresholdedRelu")
def thresholded_relu(node: Node, x: Tensor) -> Tensor:
    """Pass what is above alpha, else 0."""
    return torch.where(x > node.get("alpha", 1.0), x, torch.zeros_like(x))


@operator("Gelu")
def gelu(node: Node, x: Tensor) -> Tensor:
    """Gaussian error linear unit, exact or by tanh."""
    return F.gelu(x, approximate=node.get("approximate", "none"))


@operator("HardSigmoid")
def hard_sigmoid(node: Node, x: Tensor) -> Tensor:
    """Limit alpha * x + beta to [0, 1]."""
    alpha, beta = node.get("alpha", 0.2), node.get("beta", 0.5)
    if math.isclose(alpha, 1 / 6, rel_tol=1e-6) and beta == 0.5:
        return F.hardsigmoid(x)
    return torch.clamp(alpha * x + beta, 0.0, 1.0)


@operator("HardSwish")
def hard_swish(node: Node, x: Tensor) -> Tensor:
    """Compute x * max(0, min(1, x / 6 + 1/2))."""
    return F.hardswish(x)


@operator("Swish")
def swish(node: Node, x: Tensor) -> Tensor:
    """Compute x * sigmoid(alpha * x)."""
    alpha = node.get("alpha", 1.0)
    return F.silu(x) if alpha == 1.0 else x * torch.sigmoid(alpha * x)


@operator("Softmax", "LogSoftmax")
def softmax(node: Node, x: Tensor) -> Tensor:
    """Normalise along an axis; before opset 13, along all axes from `axis` on together."""
    function = F.softmax if node.op_type == "Softmax" else F.log_softmax
    axis = node.get("axis", -1 if node.opset >= 13 else 1) % x.ndim
    if node.opset >= 13 or axis == x.ndim - 1:
        return function(x, dim=axis)
    return function(x.flatten(axis), dim=axis).reshape(x.shape)
