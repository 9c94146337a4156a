"""Graphs that hold float16 or bfloat16, in float32."""

import onnx
from onnx import TensorProto, numpy_helper

from ._onnx_names import graphs_of

_SHORT = (TensorProto.FLOAT16, TensorProto.BFLOAT16)
_TYPE_ATTRIBUTES = ("to", "dtype")


def has_short_floats(model: onnx.ModelProto) -> bool:
    """Tell whether a weight or an input of the model is a float of 16 bits."""
    for graph in graphs_of(model.graph):
        types = {tensor.data_type for tensor in graph.initializer}
        types |= {value.type.tensor_type.elem_type for value in graph.input}
        if not types.isdisjoint(_SHORT) or any(_is_short(tensor) for node in graph.node for tensor in _tensors(node)):
            return True
    return False


def widen_short_floats(model: onnx.ModelProto) -> None:
    """Make every float of 16 bits one of 32, weights, inputs and outputs, and what is cast to them, in place."""
    for graph in graphs_of(model.graph):
        for tensor in graph.initializer:
            _widen(tensor)
        for value in [*graph.input, *graph.output, *graph.value_info]:
            if value.type.tensor_type.elem_type in _SHORT:
                value.type.tensor_type.elem_type = TensorProto.FLOAT
        for node in graph.node:
            for tensor in _tensors(node):
                _widen(tensor)
            for attribute in node.attribute:
                if attribute.name in _TYPE_ATTRIBUTES and attribute.i in _SHORT:
                    attribute.i = TensorProto.FLOAT


def _tensors(node: onnx.NodeProto) -> list[onnx.TensorProto]:
    return [attribute.t for attribute in node.attribute if attribute.type == onnx.AttributeProto.TENSOR]


def _is_short(tensor: onnx.TensorProto) -> bool:
    return tensor.data_type in _SHORT


def _widen(tensor: onnx.TensorProto) -> None:
    if _is_short(tensor):
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype("float32"), tensor.name))
