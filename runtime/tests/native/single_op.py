"""Build small .tflite models, of one or a few operators, directly as flatbuffers: no converter has a say in them.

    model = Model()
    x = model.input((1, 8, 8, 3), "INT8", Quantized(0.02, -3))
    w = model.constant(weights, "INT8", Quantized(scales, 0, axis=0))  # (16, 3, 3, 3)
    b = model.constant(bias, "INT32", Quantized(scales * 0.02, 0))
    y = model.tensor((1, 8, 8, 16), "INT8", Quantized(0.05, 4))
    model.operator("CONV_2D", [x, w, b], [y], "Conv2DOptions", version=3, padding=SAME, strideW=1, strideH=1)
    data = model.finish([y])

Types, operators and option tables have the names of the .tflite schema, options its field names in camelCase; what is
left out has the schema's default. The file is not checked: hostile models can be made too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers
from numpy.typing import NDArray

SAME, VALID = schema.Padding.SAME, schema.Padding.VALID
NONE, RELU, RELU_N1_TO_1, RELU6 = 0, 1, 2, 3  # fused activations

NUMPY_TYPES = {
    "FLOAT32": np.float32,
    "FLOAT16": np.float16,
    "INT32": np.int32,
    "UINT8": np.uint8,
    "INT64": np.int64,
    "BOOL": np.bool_,
    "INT16": np.int16,
    "FLOAT64": np.float64,
    "INT8": np.int8,
    "UINT16": np.uint16,
    "UINT32": np.uint32,
    "UINT64": np.uint64,
    "INT4": np.int8,
}

Numbers = Union[float, Sequence[float], NDArray[Any]]


@dataclass(frozen=True)
class Quantized:
    """real value = scale * (q - zero_point); sequences are per channel, along `axis`."""

    scale: Numbers
    zero_point: Numbers = 0
    axis: int = 0

    def table(self) -> schema.QuantizationParametersT:
        scales = np.atleast_1d(np.asarray(self.scale, np.float32))
        zero_points = np.ascontiguousarray(np.broadcast_to(np.asarray(self.zero_point, np.int64), scales.shape))
        return schema.QuantizationParametersT(scale=scales, zeroPoint=zero_points, quantizedDimension=self.axis)


class _Buffer(schema.BufferT):  # type: ignore[misc]
    """A constant's bytes, aligned to 16 as the schema demands; the generated class forgets that."""

    def Pack(self, builder: flatbuffers.Builder) -> int:  # noqa: N802
        if self.data is not None:
            size = len(self.data)
            builder.StartVector(1, size, 16)
            builder.head -= size
            builder.Bytes[builder.head : builder.head + size] = self.data
            data = builder.EndVector()
        schema.BufferStart(builder)
        if self.data is not None:
            schema.BufferAddData(builder, data)
        return int(schema.BufferEnd(builder))


def _two_in_a_byte(values: NDArray[Any]) -> bytes:
    """int4: the first of two in the lower half."""
    halves = np.append(values.ravel(), [0] * (values.size % 2)).astype(np.uint8) & 15
    return (halves[::2] | halves[1::2] << 4).tobytes()


def _options_of(table: str | None, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The schema has two unions of tables: the newer is for STABLEHLO operators."""
    if table is None:
        return {}
    second = "2" * hasattr(schema.BuiltinOptions2, table)
    return {
        f"builtinOptions{second}Type": getattr(getattr(schema, f"BuiltinOptions{second}"), table),
        f"builtinOptions{second}": getattr(schema, table + "T")(**fields),
    }


class _File:
    """What the graphs of one model share."""

    def __init__(self) -> None:
        self.graphs: list[Model] = []
        self.buffers = [_Buffer()]  # 0 is the empty one
        self.codes: dict[tuple[int, int, str | None], int] = {}  # with the name of a custom operator


class Model:
    """A graph in the making, and the file around it. Tensors are numbers, as in the file."""

    def __init__(self, file: _File | None = None) -> None:
        self._file = file or _File()
        self._file.graphs.append(self)
        self._tensors: list[schema.TensorT] = []
        self._operators: list[schema.OperatorT] = []
        self._inputs: list[int] = []
        self._outputs: list[int] = []

    def subgraph(self) -> Model:
        """Another graph of the same file, numbered 1, 2, ...: for CALL_ONCE and the like. Give it its `outputs`."""
        return Model(self._file)

    def tensor(
        self,
        shape: Sequence[int],
        type: str = "INT8",  # noqa: A002
        quantized: Quantized | None = None,
        *,
        name: str | None = None,
        signature: Sequence[int] | None = None,
        variable: bool = False,
        buffer: int = 0,
    ) -> int:
        """A tensor that an operator writes; `signature` has -1 where the size is free."""
        self._tensors.append(
            schema.TensorT(
                shape=np.asarray(shape, np.int32),
                type=getattr(schema.TensorType, type),
                buffer=buffer,
                name=name or f"tensor{len(self._tensors)}",
                quantization=quantized.table() if quantized else None,
                isVariable=variable,
                shapeSignature=None if signature is None else np.asarray(signature, np.int32),
                hasRank=True,
            )
        )
        return len(self._tensors) - 1

    def input(self, shape: Sequence[int], type: str = "INT8", quantized: Quantized | None = None, **more: Any) -> int:  # noqa: A002
        """A tensor that the caller writes. The same further arguments as `tensor`."""
        self._inputs.append(self.tensor(shape, type, quantized, **more))
        return self._inputs[-1]

    def constant(self, values: Any, type: str = "INT8", quantized: Quantized | None = None, **more: Any) -> int:  # noqa: A002
        """A tensor with values in the file."""
        array: NDArray[Any] = np.asarray(values, NUMPY_TYPES[type])
        self._file.buffers.append(_Buffer(data=_two_in_a_byte(array) if type == "INT4" else array.tobytes()))
        return self.tensor(array.shape, type, quantized, buffer=len(self._file.buffers) - 1, **more)

    def operator(
        self,
        name: str,
        /,
        inputs: Sequence[int],
        outputs: Sequence[int],
        options: str | None = None,
        *,
        version: int = 1,
        intermediates: Sequence[int] = (),
        **fields: Any,
    ) -> None:
        """An operator with its option table; an input of -1 is absent, `intermediates` only lend their scales."""
        code = (getattr(schema.BuiltinOperator, name), version, None)
        self._operators.append(
            schema.OperatorT(
                opcodeIndex=self._file.codes.setdefault(code, len(self._file.codes)),
                inputs=np.asarray(inputs, np.int32),
                outputs=np.asarray(outputs, np.int32),
                intermediates=np.asarray(intermediates, np.int32) if intermediates else None,
                **_options_of(options, fields),
            )
        )

    def custom(
        self, name: str, inputs: Sequence[int], outputs: Sequence[int], options: Mapping[str, Any] | bytes | None = None
    ) -> None:
        """A custom operator; a dictionary of options becomes a flexbuffer."""
        data = options if isinstance(options, (bytes, type(None))) else bytes(flexbuffers.Dumps(dict(options)))
        code = (schema.BuiltinOperator.CUSTOM, 1, name)
        self._operators.append(
            schema.OperatorT(
                opcodeIndex=self._file.codes.setdefault(code, len(self._file.codes)),
                inputs=np.asarray(inputs, np.int32),
                outputs=np.asarray(outputs, np.int32),
                customOptions=None if data is None else np.frombuffer(data, np.uint8),
            )
        )

    def outputs(self, tensors: Sequence[int]) -> None:
        """Say what the graph returns."""
        self._outputs = list(tensors)

    def finish(self, outputs: Sequence[int], *, note: str | None = None) -> bytes:
        """The file, whose main graph returns `outputs`; with a metadata entry of the name `note`."""
        self.outputs(outputs)
        codes = [
            schema.OperatorCodeT(
                deprecatedBuiltinCode=min(code, 127), builtinCode=code, version=version, customCode=custom
            )
            for code, version, custom in self._file.codes
        ]
        model = schema.ModelT(
            version=3,
            operatorCodes=codes,
            subgraphs=[graph._graph() for graph in self._file.graphs],
            buffers=self._file.buffers,
            description="one operator",
            metadata=[schema.MetadataT(name=note, buffer=0)] if note else None,
        )
        size = sum(len(buffer.data) for buffer in self._file.buffers if buffer.data is not None)
        builder = flatbuffers.Builder(size + 4096)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _graph(self) -> schema.SubGraphT:
        return schema.SubGraphT(
            tensors=self._tensors,
            inputs=np.asarray(self._inputs, np.int32),
            outputs=np.asarray(self._outputs, np.int32),
            operators=self._operators,
            name="main" if self is self._file.graphs[0] else f"graph{self._file.graphs.index(self)}",
        )
