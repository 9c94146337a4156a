"""Operators on single elements that LiteRT has as they are."""

from edgequant_converters.ir import Builder, Tensor

from ._node import Node
from ._registry import LOWERINGS, Lowering, lowers

_UNARY = {
    "Abs": "ABS", "Ceil": "CEIL", "Cos": "COS", "Exp": "EXP", "Floor": "FLOOR", "Log": "LOG", "Neg": "NEG",
    "Relu": "RELU", "Round": "ROUND", "Sigmoid": "LOGISTIC", "Sign": "SIGN", "Sin": "SIN", "Sqrt": "SQRT",
    "Tanh": "TANH",
}  # fmt: skip
_BINARY = {"Add": "ADD", "Div": "DIV", "Mul": "MUL", "Sub": "SUB"}


def _unary(code: str) -> Lowering:
    return lambda node, build: build.unary(code, node.input(0))


def _binary(code: str) -> Lowering:
    return lambda node, build: build.binary(code, node.input(0), node.input(1))


LOWERINGS.update({op_type: _unary(code) for op_type, code in _UNARY.items()})
LOWERINGS.update({op_type: _binary(code) for op_type, code in _BINARY.items()})


@lowers("Identity", "Dropout")
def identity(node: Node, build: Builder) -> Tensor:
    """Pass the data through, as in inference."""
    return node.input(0)
