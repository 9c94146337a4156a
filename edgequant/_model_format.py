"""The number format of a model file, told by the types of its tensors."""

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgequant_converters.graph import ModelGraph

_BY_WEIGHTS = {
    "float64": "fp32", "float32": "fp32", "float16": "fp16", "bfloat16": "bf16", "int4": "weight-int4",
    "uint4": "weight-int4",
}  # fmt: skip
_DYNAMIC_ONNX_OPS = {"DynamicQuantizeLinear", "MatMulInteger", "ConvInteger"}


def model_format(model: str | os.PathLike[str]) -> str | None:
    """Return the format by its name in `convert --quantize`, or None where it cannot be told.

    What most trained values are stored as decides, and for int8 weights how the activations are stored. A model that
    is partly quantized is called by the larger part.
    """
    from edgequant_converters import SourceError
    from edgequant_converters.graph import read_graph

    try:
        graph = read_graph(Path(model))
    except SourceError:
        return None
    stored: Counter[str] = Counter()
    for tensor in graph.tensors:
        if tensor.is_parameter:
            stored[tensor.dtype] += tensor.elements
    dtype = stored.most_common(1)[0][0] if stored else None
    if dtype in ("int8", "uint8"):
        return _format_of_int8_weights(graph)
    return _BY_WEIGHTS.get(dtype or "")


def _format_of_int8_weights(graph: "ModelGraph") -> str:
    activations = {tensor.dtype for tensor in graph.tensors if tensor.scales and not tensor.is_constant}
    if activations & {"int16", "uint16"}:
        return "int16x8"
    if graph.format == "onnx" and _DYNAMIC_ONNX_OPS & graph.op_counts.keys():
        return "dynamic"
    if activations & {"int8", "uint8"}:
        return "int8"
    return "weight-int8" if _weights_are_widened(graph) else "dynamic"


def _weights_are_widened(graph: "ModelGraph") -> bool:
    """Whether the int8 weights go through an operator that makes floats of them before they are used."""
    for op in graph.ops:
        integer_weights = any(graph.tensors[i].is_parameter and graph.tensors[i].dtype == "int8" for i in op.inputs)
        if integer_weights and op.type not in ("DEQUANTIZE", "DequantizeLinear"):
            return graph.format == "onnx"  # MatMulNBits widens inside; LiteRT's own kernels quantize the activations
    return True
