"""A QDQ graph with other ranges: only its scales, zero points and biases differ.

onnxruntime's quantizer takes longer to write a network than its samples take to run, and a conversion compares dozens
of ranges of one graph. What it computes from a range is known, and is held against the first graph that it wrote: where
that does not give the same numbers, or something else would change, it writes the next one too.
"""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, numpy_helper

from edgequant_converters._request import Ranges

_LAYERS = frozenset({"Conv", "ConvTranspose", "Gemm", "InstanceNormalization", "LayerNormalization"})
"""Operators of an input, weights and a bias whose scale is the product of theirs."""

_NO_ROOM = 1.01
"""onnxruntime makes a weight's scale larger where a bias would not fit 32 bits. A bias nearer to them than this may be
one of those."""

Numbers = dict[str, NDArray[Any]]


@dataclass(slots=True)
class Drafts:
    """The last int8 graph that onnxruntime's quantizer wrote, if what it does to ranges is understood."""

    _left: AbstractSet[str] = frozenset()
    _graph: ModelProto | None = None
    _constants: Mapping[str, bytes] = field(default_factory=dict)

    def quantized(
        self, model: ModelProto, ranges: Ranges, left: AbstractSet[str], write: Callable[[], ModelProto]
    ) -> ModelProto:
        """Return `model` in int8 with these ranges, but for the nodes in `left`; `write` has onnxruntime do it."""
        constants = {tensor.name: tensor.SerializeToString() for tensor in model.graph.initializer}
        adjusted = _adjusted(model.graph, ranges, left)
        biases = {tensor.name: tensor for tensor in model.graph.initializer if len(tensor.dims) == 1}
        if (
            self._graph is not None
            and left == self._left
            and self._differ_in(constants) <= set(_biases(self._graph.graph))
        ):
            numbers = _numbers(self._graph.graph, adjusted, biases)
            if numbers is not None:
                drafted = ModelProto()
                drafted.CopyFrom(self._graph)
                for tensor in drafted.graph.initializer:
                    if tensor.name in numbers:
                        _store(tensor, numbers[tensor.name])
                return drafted
        biases = {name: _copy(tensor) for name, tensor in biases.items()}
        written = write()
        numbers = _numbers(written.graph, adjusted, biases)
        self._graph = None
        if numbers is not None and _has(written.graph, numbers):
            self._graph, self._left, self._constants = ModelProto(), left, constants
            self._graph.CopyFrom(written)
        return written

    def _differ_in(self, constants: Mapping[str, bytes]) -> set[str]:
        names = {*constants, *self._constants}
        return {name for name in names if constants.get(name) != self._constants.get(name)}


def _adjusted(graph: GraphProto, ranges: Ranges, left: AbstractSet[str]) -> Ranges:
    """Return the ranges as onnxruntime takes them: before a clamp those behind it, and 0 to 1 behind a softmax."""
    adjusted = dict(ranges)
    reads = [name for node in graph.node for name in node.input]
    for node in graph.node:
        if node.name in left:
            continue
        if node.op_type == "Softmax":
            adjusted[node.output[0]] = (0.0, 1.0)
        elif node.op_type in ("Clip", "Relu") and reads.count(node.input[0]) == 1 and node.input[0] in adjusted:
            adjusted[node.input[0]] = adjusted.get(node.output[0], adjusted[node.input[0]])
    return adjusted


def _numbers(graph: GraphProto, ranges: Ranges, biases: Mapping[str, TensorProto]) -> Numbers | None:
    """Return the initializers that follow from ranges and biases; None if some do not as they are known to."""
    numbers: Numbers = {}
    for node in graph.node:
        if node.op_type == "QuantizeLinear" and node.input[1] not in numbers:
            name = node.input[1].removesuffix("_scale")
            if name not in ranges:
                return None
            numbers[node.input[2]], numbers[node.input[1]] = _grid(*ranges[name])
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for layer, (node, readers) in _biases(graph).items():
        if layer not in biases or readers[0].input[1] not in numbers:
            return None
        scale = numbers[readers[0].input[1]] * numpy_helper.to_array(constants[readers[1].input[1]])
        scale = np.asarray(scale, np.float32).reshape(-1)
        values = numpy_helper.to_array(biases[layer]).astype(np.float64)
        integers = (values / scale.astype(np.float64)).round()
        if np.abs(integers).max(initial=0.0) * _NO_ROOM >= 2.0**31:
            return None
        numbers[node.input[0]], numbers[node.input[1]] = integers.astype(np.int32), scale
    return numbers


def _grid(low: float, high: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the zero point and the scale that onnxruntime gives a range."""
    from onnxruntime.quantization import QuantType
    from onnxruntime.quantization.quant_utils import compute_scale_zp, get_qmin_qmax_for_qType

    ends = get_qmin_qmax_for_qType(QuantType.QInt8.tensor_type)
    zero_point, scale = compute_scale_zp(np.array([low], np.float32), np.array([high], np.float32), *ends)
    return np.asarray(zero_point).squeeze(), np.asarray(scale).squeeze()


def _biases(graph: GraphProto) -> dict[str, tuple[NodeProto, tuple[NodeProto, NodeProto]]]:
    """Return the DequantizeLinear of each layer's bias by the bias's name, and those of its input and its weights."""
    makers = {node.output[0]: node for node in graph.node if node.op_type == "DequantizeLinear"}
    found = {}
    for layer in graph.node:
        if layer.op_type in _LAYERS and len(layer.input) > 2 and all(name in makers for name in layer.input):
            given, weights, bias = (makers[name] for name in layer.input)
            found[bias.input[0].removesuffix("_quantized")] = bias, (given, weights)
    return found


def _has(graph: GraphProto, numbers: Numbers) -> bool:
    """Tell whether a graph has just these numbers, and no biases but those."""
    constants = {tensor.name: tensor for tensor in graph.initializer if tensor.name in numbers}
    sums = {tensor.name for tensor in graph.initializer if tensor.data_type == TensorProto.INT32}
    biases = {node.input[0] for node in graph.node if node.op_type == "DequantizeLinear"} & sums
    return biases <= numbers.keys() == constants.keys() and all(
        (found := numpy_helper.to_array(constants[name])).dtype == values.dtype
        and found.shape == values.shape
        and bool((found == values).all())
        for name, values in numbers.items()
    )


def _store(tensor: TensorProto, values: NDArray[Any]) -> None:
    """Replace the values of a tensor of the same type and shape, in the form that it has them in."""
    if tensor.HasField("raw_data"):
        tensor.raw_data = values.tobytes()
    elif tensor.float_data:
        tensor.float_data[:] = values.ravel().tolist()
    else:
        tensor.int32_data[:] = values.ravel().tolist()


def _copy(tensor: TensorProto) -> TensorProto:
    copied = TensorProto()
    copied.CopyFrom(tensor)
    return copied
