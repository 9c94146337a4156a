"""From the graph to the bytes of a .tflite file."""

from typing import Any

import numpy as np
from edgequant_runtime import unique_names

from edgequant_converters.tflite import ModelT, model_bytes

from ._model import Graph, Model, Operator, Quantization, Tensor
from ._options import enumeration, members, new_table, options_class
from ._versions import version_of

_SCHEMA_VERSION = 3
_LAST_OLD_CODE = 127  # schema.fbs: codes above it stand in the newer field alone


def write_ir(model: Model) -> bytes:
    """Return the bytes of a .tflite file; the same constant is stored once, the same graph gives the same bytes."""
    return model_bytes(table_of(model))


def table_of(model: Model) -> ModelT:
    """Return the object that `write_ir` packs."""
    return _Writer(model).table()


def written_names(model: Model) -> dict[Tensor, str]:
    """Return the name that each tensor has in the file: no two have the same, as calibration goes by names."""
    tensors = [tensor for graph in model.graphs for tensor in graph.tensors()]
    return dict(zip(tensors, unique_names([tensor.name or "tensor" for tensor in tensors]), strict=True))


class _Writer:
    """Fills the tables that the graphs share: buffers, and the codes of operators."""

    def __init__(self, model: Model) -> None:
        from ai_edge_litert import schema_py_generated as schema

        self._schema, self._model = schema, model
        self._buffers: list[Any] = [schema.BufferT()]  # schema.fbs: buffer 0 is empty
        self._buffer_of: dict[bytes, int] = {}
        self._codes: dict[tuple[str, str, int], int] = {}
        self._names = written_names(model)

    def table(self) -> ModelT:
        schema, model = self._schema, self._model
        graphs = [self._graph(graph) for graph in model.graphs]
        indices = {tensor: index for index, tensor in enumerate(model.main.tensors())}
        signature = schema.SignatureDefT(
            signatureKey=model.signature_key.encode(),
            inputs=self._named(model.input_names, model.main.inputs, indices),
            outputs=self._named(model.output_names, model.main.outputs, indices),
        )
        return schema.ModelT(
            version=_SCHEMA_VERSION,
            operatorCodes=[self._code(*key) for key in self._codes],
            subgraphs=graphs,
            description=model.description.encode(),
            metadata=[
                schema.MetadataT(name=name.encode(), buffer=self._buffer(data)) for name, data in model.metadata.items()
            ],
            signatureDefs=[signature],
            buffers=self._buffers,
        )

    def _graph(self, graph: Graph) -> Any:
        tensors = graph.tensors()
        indices = {tensor: index for index, tensor in enumerate(tensors)}
        tables = [self._tensor(tensor) for tensor in tensors]
        for tensor, table in zip(tensors, list(tables), strict=True):
            if tensor.quantization is not None and tensor.quantization.block:
                self._block(tensor.quantization, table, tables)
        return self._schema.SubGraphT(
            tensors=tables,
            inputs=[indices[tensor] for tensor in graph.inputs],
            outputs=[indices[tensor] for tensor in graph.outputs],
            operators=[self._operator(operator, indices) for operator in graph.operators],
            name=graph.name.encode(),
        )

    def _tensor(self, tensor: Tensor) -> Any:
        free = any(size < 0 for size in tensor.shape)
        return self._schema.TensorT(
            shape=[max(size, 1) if size < 0 else size for size in tensor.shape],
            shapeSignature=list(tensor.shape) if free else None,
            type=members("TensorType")[tensor.type],
            buffer=0 if tensor.data is None else self._buffer(_stored(tensor)),
            name=self._names[tensor].encode(),
            quantization=self._quantization(tensor.quantization),
            isVariable=tensor.variable,
            sparsity=tensor.sparsity,
            hasRank=True,
        )

    def _quantization(self, quantization: Quantization | None) -> Any:
        if quantization is None:
            return None
        if quantization.block:
            return self._schema.QuantizationParametersT(quantizedDimension=quantization.axis)
        return self._schema.QuantizationParametersT(
            scale=np.asarray(quantization.scale, np.float32),
            zeroPoint=np.asarray(quantization.zero_point, np.int64),
            quantizedDimension=quantization.axis,
        )

    def _block(self, quantization: Quantization, table: Any, tables: list[Any]) -> None:
        scales = Tensor(f"{table.name.decode()}_scales", quantization.scale.shape, "FLOAT16")
        scales.data = quantization.scale.astype(np.float16)
        self._names[scales] = scales.name
        tables.append(self._tensor(scales))
        details = self._schema.BlockwiseQuantizationT(
            scales=len(tables) - 1, zeroPoints=-1, blockSize=quantization.block
        )
        table.quantization.details = details
        table.quantization.detailsType = self._schema.QuantizationDetails.BlockwiseQuantization

    def _operator(self, operator: Operator, indices: dict[Tensor, int]) -> Any:
        key = (operator.code, operator.custom, version_of(operator))
        table = self._schema.OperatorT(
            opcodeIndex=self._codes.setdefault(key, len(self._codes)),
            inputs=[-1 if tensor is None else indices[tensor] for tensor in operator.inputs],
            outputs=[indices[tensor] for tensor in operator.outputs],
            intermediates=[indices[tensor] for tensor in operator.intermediates] or None,
        )
        if operator.code == "CUSTOM":
            table.customOptions = np.frombuffer(operator.custom_options, np.uint8)
        elif (owner := options_class(operator.code)) is not None:
            name, second = owner
            union = self._schema.BuiltinOptions2 if second else self._schema.BuiltinOptions
            setattr(table, "builtinOptions2" if second else "builtinOptions", _options(name, operator.options))
            setattr(table, "builtinOptions2Type" if second else "builtinOptionsType", getattr(union, name))
        return table

    def _code(self, code: str, custom: str, version: int) -> Any:
        number = members("BuiltinOperator")[code]
        return self._schema.OperatorCodeT(
            builtinCode=number,
            deprecatedBuiltinCode=min(number, _LAST_OLD_CODE),
            customCode=custom.encode() if custom else None,
            version=version,
        )

    def _buffer(self, data: bytes) -> int:
        if data not in self._buffer_of:
            self._buffer_of[data] = len(self._buffers)
            self._buffers.append(self._schema.BufferT(data=np.frombuffer(data, np.uint8)))
        return self._buffer_of[data]

    def _named(self, names: list[str], tensors: list[Tensor], indices: dict[Tensor, int]) -> list[Any]:
        pairs = zip(names, tensors, strict=True)
        return [self._schema.TensorMapT(name=name.encode(), tensorIndex=indices[tensor]) for name, tensor in pairs]


def _options(name: str, options: dict[str, Any]) -> Any:
    table = new_table(name)
    for key, value in options.items():
        if not hasattr(table, key):
            raise ValueError(f"{name} has no field {key}")
        names = enumeration(key, name)
        setattr(table, key, members(names)[value] if names and isinstance(value, str) else value)
    return table


def _stored(tensor: Tensor) -> bytes:
    if isinstance(tensor.data, bytes):
        return tensor.data
    if tensor.type != "INT4":
        return tensor.values.tobytes()
    nibbles = tensor.values.astype(np.int8).ravel().view(np.uint8) & 0xF
    pairs = np.pad(nibbles, (0, nibbles.size % 2)).reshape(-1, 2)
    packed = (pairs[:, 0] | pairs[:, 1] << 4).astype(np.uint8)
    return bytes(packed)
