"""A quantized ONNX graph in float: what its integers stand for, and the ranges that they reach.

QuantizeLinear and DequantizeLinear vanish, and the operators of ONNX and ONNX Runtime that compute on integers become
the float ones that they stand for. Weights become the numbers that they stand for, and their scales are kept. Where
scales are chosen at each run (DynamicQuantizeLinear), the real values take the integers' place, with a scale of 1.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgequant_converters._errors import SourceError
from edgequant_converters.ir import Quantization

DEQUANTIZABLE = frozenset({
    "ConvInteger", "DequantizeLinear", "DynamicQuantizeLinear", "DynamicQuantizeLSTM", "MatMulInteger", "MatMulNBits",
    "QGemm", "QLinearAdd", "QLinearAveragePool", "QLinearConcat", "QLinearConv", "QLinearGlobalAveragePool",
    "QLinearLeakyRelu", "QLinearMatMul", "QLinearMul", "QLinearSigmoid", "QLinearSoftmax", "QuantizeLinear",
})  # fmt: skip

_LIMITS = {np.dtype(np.int8): (-128, 127), np.dtype(np.uint8): (0, 255), np.dtype(np.int16): (-32768, 32767)}
_ONE_INPUT = {
    "QLinearSigmoid": "Sigmoid", "QLinearLeakyRelu": "LeakyRelu", "QLinearSoftmax": "Softmax",
    "QLinearAveragePool": "AveragePool", "QLinearGlobalAveragePool": "GlobalAveragePool",
}  # fmt: skip
_TWO_INPUTS = {"QLinearAdd": "Add", "QLinearMul": "Mul"}
_NEVER_NEGATIVE = frozenset({"Abs", "Clip", "Exp", "HardSigmoid", "Relu", "Sigmoid", "Softmax", "Softplus", "Sqrt"})
_LAYERS = frozenset({"Conv", "Gemm", "MatMul", "Add", "ConvTranspose", "BatchNormalization"})
_MOVES = frozenset({
    "Expand", "Flatten", "Gather", "GatherElements", "GatherND", "Identity", "Reshape", "Slice", "Squeeze", "Tile",
    "Transpose", "Unsqueeze",
})  # fmt: skip
_OF_THEIR_DOMAIN = ("channels_last", "opset")


@dataclass(slots=True)
class Dequantized:
    """A float model, the range of each activation by its value's name, and the grids of weights by theirs."""

    model: onnx.ModelProto
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    grids: dict[str, Quantization] = field(default_factory=dict)


def dequantized(model: onnx.ModelProto, name: str) -> Dequantized:
    """Return a copy of a quantized model in float; raises SourceError for scales that are computed."""
    walk = _Walk(model, name)
    walk.run()
    return walk.result


class _Walk:
    def __init__(self, model: onnx.ModelProto, name: str) -> None:
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        self.result = Dequantized(copy)
        self._name, self._graph = name, copy.graph
        self._constants = {tensor.name: tensor for tensor in copy.graph.initializer}
        self._values: dict[str, NDArray[Any]] = {}
        self._same: dict[str, str] = {}
        self._of_the_moment: set[str] = set()  # values that DynamicQuantizeLinear gives
        self._sums: set[str] = set()  # real values where the graph has sums of products of integers
        self._nodes: list[onnx.NodeProto] = []
        self._added: list[onnx.TensorProto] = []

    def run(self) -> None:
        self._make_tables_real()
        for node in self._graph.node:
            known = _STEPS.get(node.op_type)
            if known is None:
                node.input[:] = [self._real(name) for name in node.input]
                self._note_constant(node)
                self._add_bias(node)
                self._nodes.append(node)
            else:
                known(self, node)
        for value in self._graph.output:
            if value.name in self._same:
                self._nodes.append(helper.make_node("Identity", [self._real(value.name)], [value.name]))
        self._cut_at_zero()
        for value in [*self._graph.output, *self._graph.input]:
            is_integer = value.type.tensor_type.elem_type in (TensorProto.INT8, TensorProto.UINT8)
            if is_integer and (value.name in self.result.ranges or value.name in self._same):
                value.type.tensor_type.elem_type = TensorProto.FLOAT
        used = {name for node in self._nodes for name in node.input}
        kept = [tensor for tensor in [*self._graph.initializer, *self._added] if tensor.name in used]
        for listed, new in ((self._graph.node, self._nodes), (self._graph.initializer, kept)):
            del listed[:]
            listed.extend(new)
        del self._graph.value_info[:]

    def _make_tables_real(self) -> None:
        """Find tables of integers that are read before they become real, as an embedding's is; they have one scale."""
        sources = {node.output[0]: node.input[0] for node in self._graph.node if node.op_type in _MOVES}
        tables = {name: _beginning(sources, name) for name in sources}
        grids: dict[str, tuple[float, float]] = {}
        for node in self._graph.node:
            table = tables.get(node.input[0], "") if node.op_type == "DequantizeLinear" else ""
            if table not in self._constants:
                continue
            value, scale = self._value(table), self._constant(node, 1)
            zero = self._zero(node, 2, value.dtype)
            grid = float(scale.flat[0]), float(zero.flat[0])
            if scale.size != 1 or grids.setdefault(table, grid) != grid:
                raise SourceError(
                    f"{self._name} moves integers of several scales (at '{node.input[0]}'): give the float model."
                )
            if table not in self._same:
                self._same[table] = f"{table}/real"
                self._add_weights(self._same[table], value, scale, zero, _axis(node))
        self._check_for_integers({name: table for name, table in tables.items() if table in grids}, grids)

    def _check_for_integers(self, moved: Mapping[str, str], tables: Collection[str]) -> None:
        """Refuse what reads integers of tables that became real, or gives them out: it would get others."""
        read = {value.name for value in self._graph.output}
        for node in self._graph.node:
            if node.op_type in _MOVES or node.op_type == "DequantizeLinear":
                read.update(node.input[1:])
            else:
                read.update(name for name in node.input if name in moved or node.op_type not in _STEPS)
        for name in read:
            if name in moved or name in tables:
                raise SourceError(
                    f"{self._name} reads integers (at '{name}') that become real elsewhere: give the float model."
                )

    def _cut_at_zero(self) -> None:
        """Give what may be negative, but has no integers below 0, the Relu that this is: quantizers leave it out."""
        for place in reversed(range(len(self._nodes))):
            node = self._nodes[place]
            if node.op_type in _NEVER_NEGATIVE or not (
                node.op_type in _LAYERS or any(map(self._ends_below, node.input))
            ):
                continue
            for index, name in enumerate(node.output):
                if self.result.ranges.get(name, (-1.0, 1.0))[0] == 0:
                    node.output[index] = f"{name}/before_relu"
                    self._nodes.insert(place + 1, helper.make_node("Relu", [node.output[index]], [name]))

    def _ends_below(self, name: str) -> bool:
        return self.result.ranges.get(name, (0.0, 1.0))[0] < 0

    def quantize(self, node: onnx.NodeProto) -> None:
        x, scale, zero = node.input[0], self._constant(node, 1), self._zero(node, 2, np.uint8)
        if x in self._constants:
            limits = _LIMITS[zero.dtype]
            axis = _axis(node)
            steps = np.rint(self._value(x) / _along(scale, self._value(x).ndim, axis))
            stored = np.clip(steps + _along(zero, steps.ndim, axis), *limits).astype(zero.dtype)
            self._values[node.output[0]] = stored
            return
        self._same[node.output[0]] = self._real(x)
        self._note_range(x, scale, zero)

    def dequantize(self, node: onnx.NodeProto) -> None:
        stored, scale = node.input[0], self._constant(node, 1)
        if stored in self._constants or stored in self._values:
            value = self._value(stored)
            zero = self._zero(node, 2, value.dtype)
            block = next((a.i for a in node.attribute if a.name == "block_size"), 0)
            self._add_weights(node.output[0], value, scale, zero, _axis(node), block)
            return
        self._same[node.output[0]] = self._real(stored)
        self._note_range(stored, scale, self._zero(node, 2, np.uint8))

    def convolve(self, node: onnx.NodeProto) -> None:
        x_scale, scale = self._constant(node, 1), self._constant(node, 4)
        weights = f"{node.output[0]}/weights"
        self._add_weights(weights, self._value(node.input[3]), scale, self._constant(node, 5), 0)
        inputs = [self._input(node, 0), weights]
        if len(node.input) > 8:
            inputs.append(self._add(f"{node.output[0]}/bias", self._value(node.input[8]) * (x_scale * scale)))
        self._emit("Conv", node, inputs, 6)

    def multiply(self, node: onnx.NodeProto) -> None:
        right = self._input(node, 3)
        if node.input[3] in self._constants:
            right = f"{node.output[0]}/weights"
            self._add_weights(right, self._value(node.input[3]), self._constant(node, 4), self._constant(node, 5), 1)
        self._emit("MatMul", node, [self._input(node, 0), right], 6)

    def gemm(self, node: onnx.NodeProto) -> None:
        weights, axis = f"{node.output[0]}/weights", 0 if _attribute(node, "transB") else 1
        scale = self._constant(node, 4)
        self._add_weights(weights, self._value(node.input[3]), scale, self._constant(node, 5), axis)
        inputs = [self._input(node, 0), weights]
        if len(node.input) > 6 and node.input[6]:
            inputs.append(
                self._add(f"{node.output[0]}/bias", self._value(node.input[6]) * (self._constant(node, 1) * scale))
            )
        self._emit("Gemm", node, inputs, 7)

    def of_one(self, node: onnx.NodeProto) -> None:
        if _attribute(node, "channels_last"):
            raise SourceError(f"{self._name} has a {node.op_type} of channels-last images: give the float model.")
        self._emit(_ONE_INPUT[node.op_type], node, [self._input(node, 0)], 3)

    def of_two(self, node: onnx.NodeProto) -> None:
        self._emit(_TWO_INPUTS[node.op_type], node, [self._input(node, 0), self._input(node, 3)], 6)

    def join(self, node: onnx.NodeProto) -> None:
        parts = [self._input(node, index) for index in range(2, len(node.input), 3)]
        self._emit("Concat", node, parts, 0)

    def quantize_on_the_fly(self, node: onnx.NodeProto) -> None:
        value, scale = node.output[:2]
        self._same[value] = self._real(node.input[0])
        self._of_the_moment.add(value)
        self._add(scale, np.ones(()))

    def multiply_integers(self, node: onnx.NodeProto) -> None:
        self._emit("MatMul", node, [self._unscaled(node, 0, 1), self._unscaled(node, 1, 1)], 4)
        self._sums.add(node.output[0])

    def convolve_integers(self, node: onnx.NodeProto) -> None:
        self._emit("Conv", node, [self._unscaled(node, 0, 1), self._unscaled(node, 1, 0)], 4)
        self._sums.add(node.output[0])

    def _add_bias(self, node: onnx.NodeProto) -> None:
        """Leave out what makes an integer of a bias, by the scale of the moment, that is added to such a sum."""
        if node.op_type != "Add" or not self._sums.intersection(node.input):
            return
        self._sums.add(node.output[0])
        made_by = {output: made for made in self._nodes for output in made.output}
        made = next((made_by[name] for name in node.input if name not in self._sums and name in made_by), None)
        while made is not None and made.op_type in ("Reshape", "Unsqueeze", "Cast", "Floor", "Round"):
            if made.op_type not in ("Reshape", "Unsqueeze"):
                made.op_type = "Identity"
                del made.attribute[:]
            made = made_by.get(made.input[0])

    def recur(self, node: onnx.NodeProto) -> None:
        """LSTM, whose weights have their scales with them, and their last two axes turned."""
        inputs = list(node.input[:8])
        for index, scales in ((1, 8), (2, 10)):
            stored, zero = self._value(node.input[index]), self._zero(node, scales + 1, np.int8)
            scale = self._constant(node, scales)
            scale, zero = (x.reshape(stored.shape[0], 1, -1) if x.size > 1 else x for x in (scale, zero))
            real = (stored.astype(np.int64) - zero.astype(np.int64)) * scale.astype(np.float64)
            inputs[index] = self._add(f"{node.output[0]}/weights_{index}", real.transpose(0, 2, 1))
        made = helper.make_node("LSTM", [self._real(name) for name in inputs], node.output, node.name)
        made.attribute.extend(node.attribute)
        self._nodes.append(made)

    def _unscaled(self, node: onnx.NodeProto, index: int, axis: int) -> str:
        """Return the value of an integer input without its scale, which another node multiplies by.

        A fixed scale is not among those that became 1: raises SourceError for what QuantizeLinear gives.
        """
        name = node.input[index]
        if name in self._of_the_moment:
            return self._real(name)
        stored, zero = self._value(name).astype(np.int64), self._zero(node, index + 2, np.int64).astype(np.int64)
        return self._add(f"{node.output[0]}/integers_{index}", stored - _along(zero, stored.ndim, axis))

    def multiply_narrow(self, node: onnx.NodeProto) -> None:
        """Unpack a MatMulNBits: N rows of blocks of 4- or 8-bit weights, two to a byte, low half first."""
        rows, columns, bits = (int(_attribute(node, key)) for key in ("N", "K", "bits"))
        if bits not in (4, 8) or len([name for name in node.input[4:] if name]):
            raise SourceError(
                f"{self._name} has a MatMulNBits of {bits} bits, or with reordered groups: give the float model."
            )
        packed = self._value(node.input[1]).reshape(rows, -1, 1)
        halves = np.concatenate([packed & 15, packed >> 4], axis=2) if bits == 4 else packed
        scale = self._constant(node, 2).reshape(rows, -1, 1)
        zero: Any = 1 << (bits - 1)
        if len(node.input) > 3 and node.input[3]:
            given = self._value(node.input[3]).reshape(rows, -1, 1)
            zeros = np.concatenate([given & 15, given >> 4], axis=2) if bits == 4 else given
            zero = zeros.reshape(rows, -1, 1)[:, : scale.shape[1]].astype(np.int64)
        real = (halves.reshape(rows, scale.shape[1], -1).astype(np.int64) - zero) * scale.astype(np.float64)
        weights = self._add(f"{node.output[0]}/weights", real.reshape(rows, -1)[:, :columns].T)
        self._nodes.append(helper.make_node("MatMul", [self._real(node.input[0]), weights], node.output, node.name))

    def _emit(self, op_type: str, node: onnx.NodeProto, inputs: Sequence[str], result: int) -> None:
        """Append the float operator; inputs `result` and the next of the node are its output's scale and zero point."""
        made = helper.make_node(op_type, inputs, node.output[:1], node.name)
        made.attribute.extend(a for a in node.attribute if a.name not in _OF_THEIR_DOMAIN)
        self._nodes.append(made)
        if len(node.input) > result and node.input[result]:
            self._note_range(node.output[0], self._constant(node, result), self._zero(node, result + 1, np.uint8))

    def _input(self, node: onnx.NodeProto, index: int) -> str:
        """Return the float value of an integer input, whose scale and zero point come after it."""
        name, scale, zero = node.input[index], self._constant(node, index + 1), self._zero(node, index + 2, np.uint8)
        if name in self._constants or name in self._values:
            real = f"{node.output[0]}/constant_{index}"
            self._add_weights(real, self._value(name), scale, zero, 0)
            return real
        self._note_range(name, scale, zero)
        return self._real(name)

    def _add_weights(
        self, name: str, stored: NDArray[Any], scale: NDArray[Any], zero: NDArray[Any], axis: int, block: int = 0
    ) -> None:
        if block:
            scale, zero = (np.repeat(part, block, axis) if part.ndim == stored.ndim else part for part in (scale, zero))
            scale, zero = (_cut(part, stored.shape) for part in (scale, zero))
        along, offset = _along(scale, stored.ndim, axis), _along(zero, stored.ndim, axis)
        self._add(name, (stored.astype(np.int64) - offset.astype(np.int64)) * along.astype(np.float64))
        if stored.dtype == np.int8 and not np.any(zero) and not block:
            scales = np.atleast_1d(scale).astype(np.float32)
            self.result.grids[name] = Quantization(scales, np.zeros(scales.size, np.int64), axis)

    def _add(self, name: str, value: NDArray[Any]) -> str:
        self._added.append(numpy_helper.from_array(np.ascontiguousarray(value, np.float32), name))
        return name

    def _note_range(self, name: str, scale: NDArray[Any], zero: NDArray[Any]) -> None:
        if scale.size == 1 and zero.dtype in _LIMITS:
            low, high = (float(scale.item()) * (limit - int(zero.item())) for limit in _LIMITS[zero.dtype])
            self.result.ranges.setdefault(self._real(name), (low, high))

    def _note_constant(self, node: onnx.NodeProto) -> None:
        tensor = next((a.t for a in node.attribute if node.op_type == "Constant" and a.name == "value"), None)
        if tensor is not None:
            self._constants[node.output[0]] = tensor

    def _constant(self, node: onnx.NodeProto, index: int) -> NDArray[Any]:
        name = node.input[index]
        if name not in self._constants:
            raise SourceError(f"{self._name} computes the scales of its integers (at '{name}'): give the float model.")
        return numpy_helper.to_array(self._constants[name])

    def _zero(self, node: onnx.NodeProto, index: int, default: Any) -> NDArray[Any]:
        given = len(node.input) > index and node.input[index]
        return self._constant(node, index) if given else np.zeros((), default)

    def _value(self, name: str) -> NDArray[Any]:
        if name not in self._values and name not in self._constants:
            raise SourceError(f"{self._name} computes its weights (at '{name}'): give the float model.")
        return self._values[name] if name in self._values else numpy_helper.to_array(self._constants[name])

    def _real(self, name: str) -> str:
        return self._same.get(name, name)


_STEPS: dict[str, Callable[[_Walk, onnx.NodeProto], None]] = {
    "QuantizeLinear": _Walk.quantize,
    "DequantizeLinear": _Walk.dequantize,
    "QLinearConv": _Walk.convolve,
    "QLinearMatMul": _Walk.multiply,
    "QGemm": _Walk.gemm,
    "QLinearConcat": _Walk.join,
    "MatMulNBits": _Walk.multiply_narrow,
    "DynamicQuantizeLinear": _Walk.quantize_on_the_fly,
    "DynamicQuantizeLSTM": _Walk.recur,
    "MatMulInteger": _Walk.multiply_integers,
    "ConvInteger": _Walk.convolve_integers,
    **dict.fromkeys(_ONE_INPUT, _Walk.of_one),
    **dict.fromkeys(_TWO_INPUTS, _Walk.of_two),
}


def _beginning(sources: Mapping[str, str], name: str) -> str:
    while name in sources:
        name = sources[name]
    return name


def _axis(node: onnx.NodeProto) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 1)


def _attribute(node: onnx.NodeProto, name: str) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == name), 0)


def _along(values: NDArray[Any], rank: int, axis: int) -> NDArray[Any]:
    """Return one value for each index of an axis so that it broadcasts with a tensor of this rank."""
    if values.size == 1:
        return values.reshape(())
    return values if values.ndim == rank > 1 else values.reshape([-1 if i == axis % rank else 1 for i in range(rank)])


def _cut(values: NDArray[Any], shape: Sequence[int]) -> NDArray[Any]:
    return values[tuple(slice(size) for size in shape)] if values.ndim == len(shape) else values
