"""Biases that make up for the rounding of weights and inputs; see `quantizer.mean_shift`."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, numpy_helper

from edgequant_converters._request import Ranges
from edgequant_converters.calibration import FirstLayer, GridOf, Rounding
from edgequant_converters.ir import Quantization
from edgequant_converters.quantizer import grid_of, mean_shift

from ._weights import channel_axis, quantize_symmetric


def layer_inputs(model: ModelProto) -> dict[str, tuple[int, int]]:
    """Return the axis that counts channels, and their number, of every tensor whose means `correct_biases` asks for."""
    return {
        node.input[0]: (1, weight.dims[1] * _groups(node)) if node.op_type == "Conv" else (-1, _depth(node, weight))
        for node, weight, _ in _layers(model, set())
    }


def correct_biases(
    model: ModelProto, rounding: Rounding, grid_of: GridOf, kept: AbstractSet[str], *, per_channel: bool
) -> None:
    """Take off each bias what rounding the layer's weights and inputs adds to its outputs' means, in place."""
    for node, weight, bias in _layers(model, kept):
        values = numpy_helper.to_array(weight)
        axis = channel_axis(node, values.ndim)
        scale, integers = quantize_symmetric(values, axis if per_channel else None)
        stored = integers.astype(np.float64) * scale
        corrected = numpy_helper.to_array(bias).astype(np.float64)
        means, moved = rounding.means.get(node.input[0]), rounding.error(node.input[0], grid_of)
        for rounded, channels in ((stored - values, means), (stored, moved)):
            if channels is not None:
                rows = np.moveaxis(rounded, axis, 0)
                corrected -= mean_shift(np.moveaxis(rows, 1, -1) if node.op_type == "Conv" else rows, channels)
        bias.CopyFrom(numpy_helper.from_array(corrected.astype(np.float32), bias.name))


_MOVES = frozenset({"Flatten", "MaxPool", "Reshape", "Resize", "Squeeze", "Transpose", "Unsqueeze"})
"""Operators whose results have the grid of what they move, in onnxruntime's quantizer."""


class Int8Grids:
    """The int8 grids that onnxruntime's quantizer makes of ranges."""

    def __init__(self, graph: GraphProto, ranges: Ranges) -> None:
        self._ranges = ranges
        self._moved = {node.output[0]: node.input[0] for node in graph.node if node.op_type in _MOVES}

    def of(self, name: str) -> Quantization | None:
        """Return the grid of an activation; None if its range is not known."""
        while name in self._moved:
            name = self._moved[name]
        return grid_of("INT8", *self._ranges[name]) if name in self._ranges else None


def first_layer(model: ModelProto) -> FirstLayer | None:
    """Return the first layer that has a bias; None if none has."""
    for node, weight, bias in _layers(model, set()):
        values = numpy_helper.to_array(weight)
        squares = np.moveaxis(np.square(values, dtype=np.float64), channel_axis(node, values.ndim), 0)
        taps = squares.reshape(*squares.shape[:2], -1).sum(axis=2)
        return FirstLayer(node.input[0], taps, numpy_helper.to_array(bias).astype(np.float64))
    return None


def _layers(model: ModelProto, kept: AbstractSet[str]) -> Iterator[tuple[NodeProto, TensorProto, TensorProto]]:
    """Yield each layer that has constant weights and a bias of its own, with both."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer if tensor.data_type == TensorProto.FLOAT}
    reads = [name for node in model.graph.node for name in node.input]
    for node in model.graph.node:
        if node.op_type not in ("Conv", "Gemm") or node.name in kept or len(node.input) < 3:
            continue
        weight, bias = constants.get(node.input[1]), constants.get(node.input[2])
        if weight is not None and bias is not None and len(bias.dims) == 1 and reads.count(bias.name) == 1:
            yield node, weight, bias


def _groups(node: NodeProto) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)


def _depth(node: NodeProto, weight: TensorProto) -> int:
    return int(weight.dims[1 - channel_axis(node, 2)])
