"""Store the weights of an ONNX graph in fewer bits, and widen them when the model is loaded.

The widening is written as Cast (float16, bfloat16) or Cast and Mul (int8), which onnxruntime folds into a float32
constant once, at load. DequantizeLinear would say the same in one node, but onnxruntime keeps it in the graph and
runs it at every inference: a 64-channel 3x3 convolution took 1.5 times as long that way.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from edgequant_converters import linear
from edgequant_converters.formats import format_named

SMALLEST_WEIGHT = 64
"""Tensors with fewer values stay float32: biases and scales cost nothing and need their precision."""


def store_half_weights(model: ModelProto, kept: AbstractSet[str], dtype: type[np.generic]) -> None:
    """Store float32 weights as `dtype`, float16 or bfloat16, rounded to nearest even, in place.

    A weight beyond the format's range saturates: an infinity would turn every output into NaN.
    """
    largest = float(format_named(np.dtype(dtype).name).max)
    for weight, _ in list(_weights(model.graph, kept)):
        name = weight.name
        values = np.clip(numpy_helper.to_array(weight), -largest, largest).astype(dtype)
        _replace_initializer(model.graph, name, numpy_helper.from_array(values, f"{name}_half"))
        widen = helper.make_node("Cast", [f"{name}_half"], [name], f"{name}_widen", to=TensorProto.FLOAT)
        model.graph.node.insert(0, widen)


def store_int8_weights(model: ModelProto, kept: AbstractSet[str], *, per_channel: bool) -> None:
    """Store float32 weights as int8 with one scale per output channel (or one in all), in place.

    scale = max|w| / 127 over the channel, q = round(w / scale); a channel of zeros gets scale 1.
    """
    for weight, node in list(_weights(model.graph, kept)):
        values, name = numpy_helper.to_array(weight), weight.name
        axis = channel_axis(node, values.ndim) if per_channel else None
        scale, integers = quantize_symmetric(values, axis)
        _replace_initializer(model.graph, name, numpy_helper.from_array(integers, f"{name}_int8"))
        model.graph.initializer.append(numpy_helper.from_array(scale, f"{name}_scale"))
        widen = helper.make_node("Cast", [f"{name}_int8"], [f"{name}_wide"], f"{name}_widen", to=TensorProto.FLOAT)
        rescale = helper.make_node("Mul", [f"{name}_wide", f"{name}_scale"], [name], f"{name}_rescale")
        model.graph.node.insert(0, rescale)
        model.graph.node.insert(0, widen)


def quantize_symmetric(values: NDArray[np.float32], axis: int | None) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Return (scale, int8 values); scale broadcasts against `values` and has one entry per index of `axis`."""
    quantizer = linear.fit(values, axis=axis)
    return quantizer.scale.astype(np.float32), quantizer.quantize(values).astype(np.int8)


def has_channel_kernels(node: NodeProto, index: int, dims: Sequence[int]) -> bool:
    """Tell whether onnxruntime's integer kernel takes one scale per channel for this constant operand of a node.

    A product takes them for a matrix on its right alone, and the channels of a grouped ConvTranspose are not on one
    axis of its weight.
    """
    if node.op_type == "MatMul":
        return index == 1 and len(dims) == 2
    return node.op_type != "ConvTranspose" or all(a.i == 1 for a in node.attribute if a.name == "group")


def per_tensor_overrides(model: ModelProto) -> dict[str, list[dict[str, Any]]]:
    """Return onnxruntime's overrides that give the weights of kernels without channels one scale each."""
    from onnxruntime.quantization import QuantType

    initializers = {tensor.name: tensor for tensor in model.graph.initializer}
    operands = [(node, index, name) for node in model.graph.node for index, name in enumerate(node.input)]
    return {
        name: [{"quant_type": QuantType.QInt8, "symmetric": True}]
        for node, index, name in operands
        if node.op_type in ("MatMul", "ConvTranspose")
        and name in initializers
        and len(initializers[name].dims) > 1
        and not has_channel_kernels(node, index, initializers[name].dims)
    }


def channel_axis(node: NodeProto, rank: int) -> int:
    """Return the axis of a node's weight that counts output channels."""
    if node.op_type == "Gemm":
        transposed = any(a.name == "transB" and a.i for a in node.attribute)
        return 0 if transposed else 1
    if node.op_type == "MatMul":
        return rank - 1
    # ConvTranspose weights are (input, output / groups, ...); recurrent ones (directions, gates, ...).
    return 1 if node.op_type in ("ConvTranspose", "LSTM", "GRU", "RNN") else 0


WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul", "LSTM", "GRU", "RNN", "Gather")
"""Operators whose constant operands are weights; Gather's are embedding tables."""


def _weights(graph: GraphProto, kept: AbstractSet[str]) -> Iterator[tuple[TensorProto, NodeProto]]:
    """Yield (weight, first node that uses it) for every large float32 constant of a layer that is not kept in float."""
    initializers = {tensor.name: tensor for tensor in graph.initializer}
    # A weight that a kept operator shares stays as it is for all.
    seen = {name for node in graph.node if node.name in kept for name in node.input}
    for node in graph.node:
        if node.op_type not in WEIGHTED:
            continue
        # Behind the third input are a recurrent layer's biases and peepholes, whose first axis counts directions.
        for name in node.input[:3]:
            weight = initializers.get(name)
            if weight is None or name in seen or weight.data_type != TensorProto.FLOAT or len(weight.dims) < 2:
                continue
            if int(np.prod(weight.dims)) >= SMALLEST_WEIGHT:
                seen.add(name)
                yield weight, node


def _replace_initializer(graph: GraphProto, old: str, new: TensorProto) -> None:
    index = next(i for i, tensor in enumerate(graph.initializer) if tensor.name == old)
    graph.initializer[index].CopyFrom(new)
