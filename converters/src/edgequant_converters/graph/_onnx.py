"""An ONNX file as a ModelGraph."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from edgequant_converters._errors import SourceError
from edgequant_converters._onnx_external import external_size

from ._float_ops import FUSED_ACTIVATIONS
from ._memory import activation_peak
from ._model import ModelGraph, Op, Tensor
from ._onnx_macs import onnx_macs
from ._onnx_shapes import with_shapes

# Inputs of quantizing ops that are scales and zero points, by op type.
_SCALE_INPUTS = {
    "QuantizeLinear": (1, 2),
    "DequantizeLinear": (1, 2),
    "MatMulInteger": (2, 3),
    "ConvInteger": (2, 3),
    "QLinearConv": (1, 2, 4, 5, 6, 7),
    "QLinearMatMul": (1, 2, 4, 5, 6, 7),
    "MatMulNBits": (2, 3),
}
_NOT_TRAINED = frozenset({"int64", "bool", "string"})


def read_onnx(path: Path) -> ModelGraph:
    """Read an .onnx file; weights in files beside it are measured, not read. Raises SourceError."""
    model = with_shapes(load_onnx(path))
    reader = _GraphReader()
    reader.read(model.graph)
    reader.describe_quantization()
    return ModelGraph(
        format="onnx",
        tensors=tuple(reader.tensors),
        ops=tuple(reader.ops),
        inputs=reader.inputs,
        outputs=reader.outputs,
        file_bytes=path.stat().st_size + external_size(model, path),
        weight_bytes=sum(tensor.bytes for tensor in reader.tensors if tensor.is_constant),
        activation_peak_bytes=reader.peak(),
    )


def load_onnx(path: Path) -> onnx.ModelProto:
    """Read the file without the weights that are in others; raises SourceError."""
    try:
        model = onnx.load(path, load_external_data=False)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.") from error
    except Exception as error:  # protobuf's DecodeError, which is no class of its own in every version
        raise SourceError(f"{path.name} is not an ONNX model, or is cut short: export or copy it again.") from error
    if not model.ir_version or not model.graph.output:
        raise SourceError(f"{path.name} is not an ONNX model: it holds no graph.")
    return model


class _GraphReader:
    """Collects tensors and ops of a graph and of the graphs inside its nodes."""

    def __init__(self) -> None:
        self.tensors: list[Tensor] = []
        self.ops: list[Op] = []
        self.inputs: tuple[int, ...] = ()
        self.outputs: tuple[int, ...] = ()
        self._values: dict[int, onnx.TensorProto] = {}
        self._nodes: list[onnx.NodeProto] = []
        self._graphs: list[tuple[range, tuple[int, ...], tuple[int, ...]]] = []

    def read(self, graph: onnx.GraphProto, outer: dict[str, int] | None = None) -> None:
        """Read one graph; names that it does not define itself are those of the graph around it."""
        scope = dict(outer or {})
        shapes = {value.name: value for value in (*graph.value_info, *graph.output, *graph.input)}
        for initializer in graph.initializer:
            self._add_constant(scope, initializer.name, initializer)
        inputs = tuple(self._add(scope, v.name, _value_tensor(v.name, v)) for v in graph.input if v.name not in scope)
        first = len(self.ops)
        inner = []
        for node in graph.node:
            inner += self._read_node(node, scope, shapes)
        outputs = tuple(scope[value.name] for value in graph.output)
        self._graphs.append((range(first, len(self.ops)), inputs, outputs))
        if outer is None:
            self.inputs, self.outputs = inputs, outputs
        for body in inner:
            self.read(body, scope)

    def _read_node(self, node: onnx.NodeProto, scope: dict[str, int], shapes: Any) -> list[onnx.GraphProto]:
        if node.op_type == "Constant" and not node.input:
            self._add_constant(scope, node.output[0], _constant_value(node))
            return []
        # An input that no earlier node writes raises KeyError: ONNX wants nodes in the order of execution.
        inputs = [scope[name] if name else None for name in node.input]
        outputs = [self._add(scope, n, _value_tensor(n, shapes.get(n))) for n in node.output if n]
        given = [None if i is None else self.tensors[i] for i in inputs]
        macs = onnx_macs(node, given, [self.tensors[i] for i in outputs])
        name = text(node.name or next((n for n in node.output if n), ""))
        self._nodes.append(node)
        self.ops.append(Op(text(node.op_type), name, tuple(i for i in inputs if i is not None), tuple(outputs), macs))
        return [graph for attribute in node.attribute for graph in (attribute.g, *attribute.graphs) if graph.node]

    def _add(self, scope: dict[str, int], name: str, tensor: Tensor) -> int:
        scope[name] = len(self.tensors)
        self.tensors.append(tensor)
        return scope[name]

    def _add_constant(self, scope: dict[str, int], name: str, value: onnx.TensorProto) -> None:
        dtype = _dtype(value.data_type)
        tensor = Tensor(text(name), tuple(value.dims), dtype, is_constant=True, is_parameter=dtype not in _NOT_TRAINED)
        self._values[self._add(scope, name, tensor)] = value

    def describe_quantization(self) -> None:
        """Put scales and zero points on the integer tensors, and take them out of the parameters."""
        for op, node in zip(self.ops, self._nodes, strict=True):
            positions = [i for i, name in enumerate(node.input) if name]
            at = dict(zip(positions, op.inputs, strict=True))
            for position in _SCALE_INPUTS.get(op.type, ()):
                if position in at:
                    self._change(at[position], is_parameter=False)
            if op.type in ("QuantizeLinear", "DequantizeLinear"):
                self._set_scales(op.outputs[0] if op.type == "QuantizeLinear" else at[0], at, node)
            if op.type == "MatMulNBits":
                self._unpack_bits(at[1], node)
                self._change(at[1], scales=tuple(self._numbers(at.get(2))), quantized_axis=0)

    def _set_scales(self, tensor: int, at: dict[int, int], node: onnx.NodeProto) -> None:
        scales, zero_points = self._numbers(at.get(1)), self._numbers(at.get(2))
        axis = _attribute(node, "axis", 1) if len(scales) > 1 else None
        rank = len(self.tensors[tensor].shape or ())
        if axis is not None and axis < 0:
            axis += rank
        zero_points = zero_points or [0] * len(scales)
        self._change(tensor, scales=tuple(scales), zero_points=tuple(int(z) for z in zero_points), quantized_axis=axis)

    def _unpack_bits(self, weights: int, node: onnx.NodeProto) -> None:
        """MatMulNBits stores (rows, blocks, bytes of a block) as uint8; show the elements instead."""
        bits, block = _attribute(node, "bits", 4), _attribute(node, "block_size", 32)
        shape = self.tensors[weights].shape or ()
        if bits in (2, 4) and self.tensors[weights].dtype == "uint8":
            self._change(weights, shape=(*shape[:2], block), dtype=f"uint{bits}")

    def _numbers(self, tensor: int | None) -> list[Any]:
        value = None if tensor is None else self._values.get(tensor)
        if value is None or value.data_location == onnx.TensorProto.EXTERNAL:
            return []
        array = onnx.numpy_helper.to_array(value)
        with np.errstate(invalid="ignore"):  # a damaged model may have scales that are no numbers
            numbers = array if array.dtype.kind in "iu" else array.astype(np.float64)
        return list(numbers.ravel().tolist())

    def _change(self, tensor: int, **changes: Any) -> None:
        self.tensors[tensor] = replace(self.tensors[tensor], **changes)

    def peak(self) -> int:
        """Return the largest peak of the graph and its inner graphs."""
        stored_as = self._fused_away()
        return max(
            activation_peak(self.tensors, [self.ops[i] for i in ops], inputs, outputs, stored_as)
            for ops, inputs, outputs in self._graphs
        )

    def _fused_away(self) -> dict[int, int]:
        """Map the float side of each quantize/dequantize pair to the integer tensor that an engine keeps instead."""
        readers: dict[int, list[Op]] = {}
        for op in self.ops:
            for tensor in op.inputs:
                readers.setdefault(tensor, []).append(op)
        edges = {*self.inputs, *self.outputs}
        stored = {op.outputs[0]: op.inputs[0] for op in self.ops if op.type == "DequantizeLinear"}
        stored = {tensor: integer for tensor, integer in stored.items() if tensor not in edges}
        for op in reversed(self.ops):
            source = op.inputs[0] if op.inputs else -1
            only_reader = len(readers.get(source, ())) == 1 and source not in edges and source not in stored
            if only_reader and op.type == "QuantizeLinear":
                stored[source] = op.outputs[0]
            elif only_reader and op.type in FUSED_ACTIVATIONS and op.outputs[0] in stored:
                stored[source] = stored[op.outputs[0]]
        return stored


def _value_tensor(name: str, value: onnx.ValueInfoProto | None) -> Tensor:
    if value is None or not value.type.HasField("tensor_type"):
        return Tensor(text(name), None, "unknown")
    kind = value.type.tensor_type
    shape = tuple(_size(d) for d in kind.shape.dim) if kind.HasField("shape") else None
    return Tensor(text(name), shape, _dtype(kind.elem_type))


def text(name: str | bytes) -> str:
    """Return a name as text; protobuf hands over bytes where a file has invalid UTF-8."""
    return name.decode(errors="replace") if isinstance(name, bytes) else name


def _size(dimension: Any) -> int:
    return int(dimension.dim_value) if dimension.HasField("dim_value") else -1


def _dtype(code: int) -> str:
    name: str = onnx.TensorProto.DataType.Name(code).lower()
    return {"float": "float32", "double": "float64", "undefined": "unknown"}.get(name, name)


def _constant_value(node: onnx.NodeProto) -> onnx.TensorProto:
    """Return the value of a Constant node, whichever of its attributes holds it."""
    attribute = node.attribute[0]
    if attribute.name == "value":
        tensor: onnx.TensorProto = attribute.t
        return tensor
    value = onnx.helper.get_attribute_value(attribute)
    return onnx.numpy_helper.from_array(np.asarray(value, dtype=np.float32 if "float" in attribute.name else None))


def _attribute(node: onnx.NodeProto, name: str, default: int) -> int:
    return next((int(attribute.i) for attribute in node.attribute if attribute.name == name), default)
