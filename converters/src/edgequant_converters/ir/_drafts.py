"""Writes graphs of which only numbers differ: scales, zero points and constants, as when ranges are compared.

The file's layout follows from all else, and packing it takes most of the time of quantizing a network.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgequant_converters.tflite import ModelT, model_bytes

from ._model import Model
from ._read import read_ir
from ._write import table_of


class Drafts:
    """The last file that was read, and the last that was written."""

    def __init__(self) -> None:
        self._read: tuple[ModelT, Model] | None = None
        self._layout: list[Any] = []
        self._written = bytearray()
        self._places: list[NDArray[Any]] = []

    def read(self, table: ModelT) -> Model:
        """Return what `read_ir` returns, to be rewritten; each time the constants are the same objects."""
        if self._read is None or self._read[0] is not table:
            self._read = table, read_ir(table)
        return self._read[1].copy()

    def write(self, model: Model) -> bytes:
        """Return what `write_ir` returns."""
        table = table_of(model)
        layout = _layout(table)
        if layout != self._layout:
            self._layout, self._written = layout, bytearray(model_bytes(table))
            self._places = _places(self._written)
        for place, values in zip(self._places, _numbers(table), strict=True):
            place[...] = values
        return bytes(self._written)


def _layout(table: ModelT) -> list[Any]:
    """Return all of a model but its numbers, and how many of those there are."""
    codes = [(code.builtinCode, code.customCode, code.version) for code in table.operatorCodes]
    ends = [(one.name, one.tensorIndex) for found in table.signatureDefs for one in (*found.inputs, *found.outputs)]
    graphs = [
        (
            graph.name,
            graph.inputs,
            graph.outputs,
            [_tensor(tensor) for tensor in graph.tensors],
            [_operator(operator) for operator in graph.operators],
        )
        for graph in table.subgraphs
    ]
    metadata = [(one.name, one.buffer) for one in table.metadata]
    return [codes, ends, graphs, metadata, table.description, [values.size for values in _numbers(table)]]


def _tensor(tensor: Any) -> tuple[Any, ...]:
    own = tensor.quantization
    # A block's scales, and which values of a sparse tensor are stored, are tables of their own: never the same.
    kept = None if own is None else (own.scale is None, own.quantizedDimension, own.details)
    return (
        tensor.name, tensor.shape, tensor.shapeSignature, tensor.type, tensor.buffer, tensor.isVariable,
        tensor.sparsity, kept,
    )  # fmt: skip


def _operator(operator: Any) -> tuple[Any, ...]:
    options = [operator.builtinOptions, operator.builtinOptions2]
    custom = None if operator.customOptions is None else bytes(operator.customOptions)
    return (
        operator.opcodeIndex, operator.inputs, operator.outputs, operator.intermediates, custom,
        [None if own is None else {key: _plain(value) for key, value in vars(own).items()} for own in options],
    )  # fmt: skip


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


def _numbers(table: ModelT) -> Iterator[NDArray[Any]]:
    """Yield scales, zero points and buffers, in the order of `_places`."""
    for graph in table.subgraphs:
        for tensor in graph.tensors:
            if tensor.quantization is not None and tensor.quantization.scale is not None:
                yield tensor.quantization.scale
                yield tensor.quantization.zeroPoint
    for buffer in table.buffers:
        if buffer.data is not None and len(buffer.data):
            yield buffer.data


def _places(written: bytearray) -> list[NDArray[Any]]:
    """Return where a file has its scales, zero points and buffers."""
    from ai_edge_litert.schema_py_generated import Model as Root

    root, found = Root.GetRootAs(written), []
    for number in range(root.SubgraphsLength()):
        graph = root.Subgraphs(number)
        for index in range(graph.TensorsLength()):
            own = graph.Tensors(index).Quantization()
            if own is not None and not own.ScaleIsNone():
                found += [own.ScaleAsNumpy(), own.ZeroPointAsNumpy()]
    buffers = [root.Buffers(index) for index in range(root.BuffersLength())]
    return found + [buffer.DataAsNumpy() for buffer in buffers if buffer.DataLength()]
