"""The weights of one operator in both models, as real numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from edgequant_runtime.isolation import current_process
from numpy.typing import NDArray

from edgequant_converters._metrics import sqnr_db
from edgequant_converters.graph import Tensor

from ._flow import Flow

LAST_AXIS_OPS = frozenset({"DEPTHWISE_CONV_2D", "MatMul"})
"""Operators whose weights have the output channels on the last axis; on the first for all others."""

_LACKING = 0.1


@dataclass(frozen=True, slots=True)
class Weights:
    """One operator's weights in the reference and, dequantized, in the model; `axis` counts output channels."""

    reference: NDArray[np.float32]
    model: NDArray[np.float32]
    axis: int

    def centred(self) -> "Weights":
        """Return them with the mean over the output channels taken off the reference."""
        return replace(self, reference=self.reference - self.reference.mean(self.axis, keepdims=True))

    def is_centred(self) -> bool:
        """Tell whether the model's lack, on any scale, what the reference's have in common over output channels."""
        return _in_common(self.model, self.axis) < _LACKING * _in_common(self.reference, self.axis)


def _in_common(values: NDArray[np.float32], axis: int) -> float:
    """Return the part of the squares that the mean over an axis makes."""
    whole = float(np.square(values, dtype=np.float64).mean())
    return float(np.square(values.mean(axis, dtype=np.float64)).mean()) / whole if whole else 0.0


def paired_weights(
    reference: Flow, ours: Sequence[int], model: Flow, theirs: Sequence[int]
) -> tuple[int, int, int] | None:
    """Return the tensors of both that hold the weights of a layer, and their axis of output channels.

    They are the largest constant of two or more axes among the inputs of the operators `ours`, and what stands at its
    place in the operator of the same type among `theirs`, or else in the first that has real weights there.
    """
    found = [(number, place) for number in ours for place in _weight_places(reference, number)]
    if not found:
        return None
    ops, tensors = reference.graph.ops, reference.graph.tensors
    number, place = max(found, key=lambda at: tensors[ops[at[0]].inputs[at[1]]].elements)
    op = ops[number]
    twins = [n for n in theirs if place in _weight_places(model, n)]
    twin = next((n for n in twins if model.graph.ops[n].type == op.type), twins[0] if twins else None)
    if twin is None:
        return None
    rank = len(tensors[op.inputs[place]].shape or ())
    axis = rank - 1 if op.type in LAST_AXIS_OPS else 0
    return op.inputs[place], model.graph.ops[twin].inputs[place], axis


def side_by_side(ours: NDArray[np.float32], theirs: NDArray[np.float32], axis: int) -> Weights | None:
    """Return both in one shape: a matrix may have been transposed (MatMul into Gemm). None if they do not fit."""
    forms = [form for form in (theirs, theirs.T) if form.shape == ours.shape]
    return Weights(ours, max(forms, key=lambda form: sqnr_db(ours, form)), axis) if forms else None


def _weight_places(flow: Flow, number: int) -> list[int]:
    """Return which inputs of an operator are real constants with two or more axes."""
    tensors = flow.graph.tensors
    return [
        place
        for place, tensor in enumerate(flow.graph.ops[number].inputs)
        if tensor not in flow.group
        and (tensors[tensor].is_float or tensors[tensor].scales)
        and len(tensors[tensor].shape or ()) > 1
    ]


def weight_reader(path: Path, flow: Flow) -> Callable[[int], NDArray[np.float32] | None]:
    """Return a function that gives a constant tensor's real values, or None if its storage is not understood.

    The file is read when the function is first called, and kept.
    """
    return (_LitertConstants if flow.graph.format == "litert" else _OnnxConstants)(path, flow).read


class _LitertConstants:
    def __init__(self, path: Path, flow: Flow) -> None:
        self._path, self._flow = path, flow

    @cached_property
    def _model(self) -> Any:
        from edgequant_converters.tflite import read_model

        return read_model(self._path)

    def read(self, tensor: int) -> NDArray[np.float32] | None:
        writer = self._flow.writer.get(tensor)
        if writer is not None and self._flow.is_conversion(writer):
            return self.read(self._flow.graph.ops[writer].inputs[0])
        known = self._flow.graph.tensors[tensor]
        data = self._model.buffers[self._model.subgraphs[0].tensors[tensor].buffer].data
        stored = None if data is None else _stored_values(bytes(data), known)
        return None if stored is None else _dequantized(stored, known)


def _stored_values(data: bytes, tensor: Tensor) -> NDArray[Any] | None:
    if tensor.dtype == "int4":
        packed = np.frombuffer(data, np.uint8)
        # Two to a byte, the lower half first.
        values = np.stack([packed & 15, packed >> 4], axis=1).ravel()[: tensor.elements]
        stored: NDArray[Any] = ((values ^ 8).astype(np.int8) - 8).astype(np.int8)
    elif tensor.dtype in ("float32", "float16", "bfloat16", "int8", "uint8", "int16"):
        stored = np.frombuffer(data, ml_dtypes.bfloat16 if tensor.dtype == "bfloat16" else tensor.dtype)
    else:
        return None
    return stored.reshape(tensor.shape or ()) if stored.size == tensor.elements else None


def _dequantized(stored: NDArray[Any], tensor: Tensor) -> NDArray[np.float32] | None:
    if not tensor.scales:
        return stored.astype(np.float32)
    shape = [1] * stored.ndim
    if tensor.quantized_axis is not None:
        shape[tensor.quantized_axis] = stored.shape[tensor.quantized_axis]
    if len(tensor.scales) != np.prod(shape):  # blocks
        return None
    scales = np.reshape(tensor.scales, shape)
    zero_points = np.reshape(tensor.zero_points, shape) if len(tensor.zero_points) == scales.size else 0
    real: NDArray[np.float32] = (scales * (stored.astype(np.float64) - zero_points)).astype(np.float32)
    return real


class _OnnxConstants:
    def __init__(self, path: Path, flow: Flow) -> None:
        self._path, self._flow = path, flow

    @cached_property
    def _file(self) -> Any:
        import onnx

        return onnx.load(self._path)

    def read(self, tensor: int) -> NDArray[np.float32] | None:
        """Evaluate the tensor: a weight may be dequantized, or cast and rescaled, when the model is loaded."""
        import onnx

        model = self._file
        wanted = self._flow.graph.tensors[tensor].name
        nodes: list[Any] = list(model.graph.node)
        writers = {str(name): position for position, node in enumerate(nodes) for name in node.output}
        positions: set[int] = set()
        names: set[str] = set()
        waiting = [wanted]
        while waiting:
            name = waiting.pop()
            if name not in names and name in writers:
                positions.add(writers[name])
                waiting += nodes[writers[name]].input
            names.add(name)
        initializers = [value for value in model.graph.initializer if value.name in names]
        output = onnx.ValueInfoProto(name=wanted)
        graph = onnx.helper.make_graph([nodes[i] for i in sorted(positions)], "weight", [], [output], initializers)
        piece = onnx.helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
        session = current_process().open(piece.SerializeToString(), engine="onnxruntime", threads=1)
        return np.asarray(session.run({})[wanted], np.float32)
