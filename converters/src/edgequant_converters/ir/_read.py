"""From the flatbuffer's own objects to the graph."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgequant_converters.tflite import ModelT, io_names, operator_name, type_name

from ._model import Graph, Model, Operator, Quantization, Tensor
from ._options import enumeration, member_names
from ._types import NUMPY_TYPES


def read_ir(model: ModelT) -> Model:
    """Return a normalised .tflite file as a graph; constants are views of its buffers."""
    graphs = [_graph(model, graph) for graph in model.subgraphs]
    inputs, outputs = (
        io_names(model, side) or [t.name for t in getattr(graphs[0], side)] for side in ("inputs", "outputs")
    )
    signature = model.signatureDefs[0] if model.signatureDefs else None
    return Model(
        graphs,
        inputs,
        outputs,
        description=_text(model.description),
        metadata={_text(entry.name): _bytes(model.buffers[entry.buffer].data) for entry in model.metadata or []},
        signature_key=_text(signature.signatureKey) if signature else "serving_default",
    )


def _graph(model: ModelT, graph: Any) -> Graph:
    tensors = [_tensor(model, graph, tensor) for tensor in graph.tensors]

    def listed(indices: Any) -> list[Tensor | None]:
        return [None if index < 0 else tensors[index] for index in (() if indices is None else indices)]

    def given(indices: Any) -> list[Tensor]:
        return [tensor for tensor in listed(indices) if tensor is not None]

    operators = [
        Operator(
            code=operator_name(model, operator),
            inputs=listed(operator.inputs),
            outputs=given(operator.outputs),
            options=_options(operator),
            custom=_text(model.operatorCodes[operator.opcodeIndex].customCode),
            custom_options=_bytes(operator.customOptions),
            intermediates=given(operator.intermediates),
            version=model.operatorCodes[operator.opcodeIndex].version,
        )
        for operator in graph.operators or []
    ]
    return Graph(given(graph.inputs), given(graph.outputs), operators, _text(graph.name))


def _tensor(model: ModelT, graph: Any, tensor: Any) -> Tensor:
    kind = type_name(tensor.type)
    shape = tuple(int(size) for size in (() if tensor.shape is None else tensor.shape))
    free = tensor.shapeSignature
    if free is not None and len(free) == len(shape):
        shape = tuple(-1 if size < 0 else fixed for size, fixed in zip(free, shape, strict=True))
    data = model.buffers[tensor.buffer].data if tensor.buffer else None
    return Tensor(
        name=_text(tensor.name),
        shape=shape,
        type=kind,
        data=None
        if data is None or (not len(data) and 0 not in shape)
        else _value(data, kind, shape, sparse=tensor.sparsity is not None),
        quantization=_quantization(model, graph, tensor.quantization),
        variable=bool(tensor.isVariable),
        sparsity=tensor.sparsity,
    )


def _value(data: Any, kind: str, shape: tuple[int, ...], *, sparse: bool = False) -> NDArray[Any] | bytes:
    raw = np.frombuffer(_bytes(data), np.uint8)
    if kind == "INT4" and not sparse:
        halves = np.stack([raw & 0xF, raw >> 4], axis=1).astype(np.int8).ravel()[: int(np.prod(shape))]
        return np.asarray((halves ^ 8) - 8).astype(NUMPY_TYPES[kind]).reshape(shape)
    if sparse or kind not in NUMPY_TYPES:
        return bytes(raw)
    return raw.view(NUMPY_TYPES[kind]).reshape(shape)


def _quantization(model: ModelT, graph: Any, quantization: Any) -> Quantization | None:
    details = getattr(quantization, "details", None)
    block = int(getattr(details, "blockSize", 0))
    if details is not None and block:
        scales = graph.tensors[details.scales]
        kind = type_name(scales.type)
        value = _value(model.buffers[scales.buffer].data, kind, tuple(int(size) for size in scales.shape))
        assert isinstance(value, np.ndarray)
        return Quantization(
            value.astype(np.float32), np.zeros(1, np.int64), int(quantization.quantizedDimension), block
        )
    if quantization is None or quantization.scale is None or not len(quantization.scale):
        return None
    scale = np.asarray(quantization.scale, np.float32)
    zero = quantization.zeroPoint
    zeros = np.zeros(len(scale), np.int64) if zero is None or not len(zero) else np.asarray(zero, np.int64)
    return Quantization(scale, zeros, int(quantization.quantizedDimension))


def _options(operator: Any) -> dict[str, Any]:
    table = operator.builtinOptions if operator.builtinOptions is not None else operator.builtinOptions2
    if table is None:
        return {}
    owner = type(table).__name__.removesuffix("T")
    return {key: _named(key, owner, value) for key, value in vars(table).items() if value is not None}


def _named(field: str, owner: str, value: Any) -> Any:
    names = enumeration(field, owner)
    return member_names(names).get(value, value) if names and isinstance(value, int) else value


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")


def _bytes(value: Any) -> bytes:
    return b"" if value is None else bytes(np.asarray(value, np.uint8)) if not isinstance(value, bytes) else value
