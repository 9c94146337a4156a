"""What training with quantization in the loop decides about the nodes of an ONNX graph."""

from collections.abc import Mapping
from typing import Any

from onnx import ModelProto, TensorProto, numpy_helper

from edgequant_converters._weight_grid import int4_scales

from ._activations import float_activations
from ._weights import channel_axis

INT4_OPS = ("Conv", "Gemm", "MatMul")


def int4_overrides(model: ModelProto) -> dict[str, list[dict[str, Any]]]:
    """Return onnxruntime's per-channel overrides for every weight that lies on a 4-bit grid.

    The integers -7..7 are stored as int8: onnxruntime computes convolutions with 4-bit weights in float only.
    """
    from onnxruntime.quantization import QuantType

    initializers = {tensor.name: tensor for tensor in model.graph.initializer}
    overrides = {}
    for node in model.graph.node:
        weight = initializers.get(node.input[1]) if node.op_type in INT4_OPS else None
        if weight is None:
            continue
        values = numpy_helper.to_array(weight)
        axis = channel_axis(node, values.ndim)
        scales = int4_scales(values, axis)
        if scales is not None:
            fixed = {"axis": axis, "quant_type": QuantType.QInt8, "zero_point": 0}
            overrides[weight.name] = [{**fixed, "scale": scale} for scale in scales]
    return overrides


def has_clamp_above_its_grid(model: ModelProto, ranges: Mapping[str, tuple[float, float]]) -> bool:
    """Tell whether a ReLU's output has a grid that reaches below zero, as one that it shares with others may.

    onnxruntime drops a ReLU after a quantized operator, on the assumption that the grid starts at zero.
    """
    clamps = [node.output[0] for node in model.graph.node if node.op_type in ("Relu", "Clip")]
    return any(ranges[name][0] < 0 for name in clamps if name in ranges)


def without_range(model: ModelProto, known: set[str]) -> list[str]:
    """Return the names of nodes that read or write a float activation of unknown range."""
    inputs = [value.name for value in model.graph.input if value.type.tensor_type.elem_type == TensorProto.FLOAT]
    unknown = {*inputs, *float_activations(model)} - known
    return [node.name for node in model.graph.node if unknown & {*node.input, *node.output}]
