"""Fold the integer arithmetic on shapes that converters leave behind for free sizes, and tell the shapes then."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgequant_converters._errors import SourceError
from edgequant_converters._evaluate import open_inner, zeros

from ._file import ModelT, model_bytes
from ._schema import operator_name, type_name

_DATA_DEPENDENT = {
    "WHERE", "UNIQUE", "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5", "WHILE", "IF", "CALL", "CALL_ONCE",
    "CUSTOM", "UNKNOWN", "STABLEHLO_COMPOSITE", "RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL", "MULTINOMIAL",
    "VAR_HANDLE", "READ_VARIABLE", "HASHTABLE", "HASHTABLE_FIND", "HASHTABLE_SIZE",
}  # fmt: skip
"""Operators whose output or output shape does not follow from constants and shapes alone."""


def fold_shape_arithmetic(model: ModelT) -> None:
    """Replace, in the main graph, integer tensors that do not depend on the model's inputs by constants.

    The engines treat a RESHAPE to a computed shape as dynamic; with the batch fixed, the values
    are known. They are taken from a run of the model itself by LiteRT, so no operator is computed twice here.
    """
    graph = model.subgraphs[0]
    known = _Known(model, graph)
    folded = [operator for operator in graph.operators or [] if known.visit(operator)]
    if not folded:
        return
    indices = [index for operator in folded for index in operator.outputs]
    for index, value in zip(indices, _values(model, indices), strict=True):
        _store(model, graph.tensors[index], value)
    skipped = {id(operator) for operator in folded}
    graph.operators = [operator for operator in graph.operators if id(operator) not in skipped]


def tell_shapes(model: ModelT) -> None:
    """Write into the main graph the shapes that its tensors have now that all inputs have fixed sizes.

    What was written while these were free holds no more, and the ONNX exporter and the passes go by it. A tensor whose
    shape depends on values keeps what it says, and so does all of a network that LiteRT cannot open, as with
    MediaPipe's operators.
    """
    graph = model.subgraphs[0]
    known = _Known(model, graph)
    outputs = [index for operator in graph.operators or [] if not known.visit(operator) for index in operator.outputs]
    indices = [index for index in outputs if index in known.shaped]
    try:
        shapes = [value.shape for value in _values(model, indices)]
    except SourceError:
        return
    for index, shape in zip(indices, shapes, strict=True):
        graph.tensors[index].shape, graph.tensors[index].shapeSignature = list(shape), None


@dataclass
class _Known:
    """What is known of a graph's tensors before it runs: which are constant, and which have a known shape."""

    model: ModelT
    graph: Any
    constant: set[int] = field(default_factory=set)
    shaped: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        for index, tensor in enumerate(self.graph.tensors):
            data = self.model.buffers[tensor.buffer].data
            if data is not None and len(data) and not tensor.isVariable:
                self.constant.add(index)
        free = {i for i in self.graph.inputs if -1 in (self.graph.tensors[i].shapeSignature or [])}
        self.shaped = self.constant | (set(self.graph.inputs) - free)

    def visit(self, operator: Any) -> bool:
        """Take note of the next operator in order of execution; return whether it gives integer constants."""
        name, inputs, outputs = operator_name(self.model, operator), _present(operator.inputs), set(operator.outputs)
        if name in _DATA_DEPENDENT or not inputs:
            return False
        if inputs <= self.shaped and all(i in self.constant for i in inputs if self._is_integer(i)):
            self.shaped |= outputs
        constant = inputs <= self.shaped if name in ("SHAPE", "RANK") else inputs <= self.constant
        foldable = constant and all(self._is_integer(index) for index in outputs)
        if foldable:
            self.constant |= outputs
            self.shaped |= outputs
        return foldable

    def _is_integer(self, index: int) -> bool:
        return type_name(self.graph.tensors[index].type) in ("INT32", "INT64")


def _present(indices: Any) -> set[int]:
    return {index for index in indices if index != -1}  # -1: an optional input that is left out


def _values(model: ModelT, indices: list[int]) -> Iterator[Any]:
    opened = open_inner(model_bytes(model), "the network", threads=1, delegates=False)
    return opened.run(zeros(opened.inputs), indices)


def _store(model: ModelT, tensor: Any, value: Any) -> None:
    from ai_edge_litert.schema_py_generated import BufferT

    model.buffers.append(BufferT(data=np.frombuffer(np.ascontiguousarray(value).tobytes(), np.uint8)))
    tensor.buffer = len(model.buffers) - 1
    tensor.shape, tensor.shapeSignature = list(value.shape), None


def add_integers(model: ModelT, graph: Any, values: Any, name: bytes) -> int:
    """Add a constant vector of 32-bit integers to a graph; return its index."""
    from ai_edge_litert.schema_py_generated import BufferT, TensorT, TensorType

    model.buffers.append(BufferT(data=np.frombuffer(values.tobytes(), np.uint8)))
    graph.tensors.append(
        TensorT(name=name, shape=[len(values)], type=TensorType.INT32, buffer=len(model.buffers) - 1, hasRank=True)
    )
    return len(graph.tensors) - 1
