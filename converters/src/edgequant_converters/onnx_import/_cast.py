"""From one type to another."""

import onnx
from onnx import TensorProto

from edgequant_converters.ir import Builder, Tensor, type_of

from ._node import Node
from ._registry import lowers

WIDENED = (TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16)
"""The kinds of float that become float32."""
_NEVER = ("UINT64", "INT4", "COMPLEX64", "COMPLEX128")  # nothing in LiteRT computes with these


@lowers("Cast")
def cast(node: Node, build: Builder) -> Tensor:
    """Change the type; floats are cut towards 0, and every kind of float is float32."""
    code = int(node.get("to", 0))
    return _cast(node, build, type_for(node, code))


@lowers("CastLike")
def cast_like(node: Node, build: Builder) -> Tensor:
    """Change the type to another tensor's."""
    return _cast(node, build, node.input(1).type)


def type_for(node: Node, code: int) -> str:
    """Return LiteRT's type for a number of ONNX's DataType; refuses the node if there is none."""
    if code == TensorProto.FLOAT or code in WIDENED:
        return "FLOAT32"
    try:
        return type_of(onnx.helper.tensor_dtype_to_np_dtype(code))
    except KeyError:
        node.refuse(f"to={TensorProto.DataType.Name(code)}, a type that LiteRT does not have")


def _cast(node: Node, build: Builder, kind: str) -> Tensor:
    x = node.input(0)
    if kind != x.type and (kind in _NEVER or x.type in _NEVER):
        node.refuse(f"from {x.type} to {kind}")
    return build.cast(x, kind)
