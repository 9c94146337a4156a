"""A .tflite file as a ModelGraph."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edgequant_converters.tflite import ModelT, read_model

from ._litert_macs import litert_macs
from ._memory import activation_peak
from ._model import FLOAT_DTYPES, ModelGraph, Op, Tensor


def read_litert(path: Path) -> ModelGraph:
    """Read a .tflite file; raises SourceError, or an exception of Python's own if its parts do not fit together."""
    model = read_model(path)
    types = [_op_type(code) for code in model.operatorCodes or []]
    names = _signature_names(model)
    tensors: list[Tensor] = []
    ops: list[Op] = []
    peak = 0
    for number, graph in enumerate(model.subgraphs):
        start = len(tensors)
        stored = [_tensor(tensor, model, graph) for tensor in graph.tensors]
        tensors += [_renamed(tensor, names.get(i)) if number == 0 else tensor for i, tensor in enumerate(stored)]
        graph_ops = [_op(op, types, stored, start) for op in graph.operators or []]
        ops += graph_ops
        peak = max(
            peak, activation_peak(tensors, graph_ops, _positions(graph.inputs, start), _positions(graph.outputs, start))
        )
    main = model.subgraphs[0]
    return ModelGraph(
        format="litert",
        tensors=tuple(tensors),
        ops=tuple(ops),
        inputs=_positions(main.inputs, 0),
        outputs=_positions(main.outputs, 0),
        file_bytes=path.stat().st_size,
        weight_bytes=_weight_bytes(model, tensors),
        activation_peak_bytes=peak,
    )


def _op_type(code: Any) -> str:
    """Name an operator. Codes up to 126 are stored in the old field, later ones in the new; the larger holds."""
    number = max(code.builtinCode or 0, code.deprecatedBuiltinCode or 0)
    name = _enum_names("BuiltinOperator").get(number, f"OP_{number}")
    return f"CUSTOM:{_text(code.customCode)}" if name == "CUSTOM" else name


def _tensor(tensor: Any, model: ModelT, graph: Any) -> Tensor:
    shape = tuple(int(n) for n in tensor.shape) if tensor.shape is not None else ()
    if tensor.shapeSignature is not None and len(tensor.shapeSignature) == len(shape):
        shape = tuple(int(n) for n in tensor.shapeSignature)
    dtype = _enum_names("TensorType").get(tensor.type, f"type{tensor.type}").lower()
    scales, zero_points, axis = _quantization(tensor, model, graph)
    constant = _is_constant(tensor, model)
    # Integers without a scale are shapes, axes and indices, not trained values.
    trained = constant and (dtype in FLOAT_DTYPES or bool(scales))
    return Tensor(_text(tensor.name), shape, dtype, constant, trained, scales, zero_points, axis)


def _is_constant(tensor: Any, model: ModelT) -> bool:
    buffer = model.buffers[tensor.buffer]
    return not tensor.isVariable and ((buffer.data is not None and len(buffer.data) > 0) or (buffer.size or 0) > 0)


def _quantization(tensor: Any, model: ModelT, graph: Any) -> tuple[tuple[float, ...], tuple[int, ...], int | None]:
    stored = tensor.quantization
    if stored is None:
        return (), (), None
    blockwise = _enum_value("QuantizationDetails", "BlockwiseQuantization")
    if stored.detailsType == blockwise and stored.details is not None:
        scales_buffer = model.buffers[graph.tensors[stored.details.scales].buffer]
        scales = np.frombuffer(bytes(scales_buffer.data), np.float16)
        return tuple(float(s) for s in scales), (), int(stored.quantizedDimension)
    if stored.scale is None or len(stored.scale) == 0:
        return (), (), None
    zero_points = () if stored.zeroPoint is None else tuple(int(z) for z in stored.zeroPoint)
    axis = int(stored.quantizedDimension) if len(stored.scale) > 1 else None
    return tuple(float(s) for s in stored.scale), zero_points, axis


def _op(op: Any, types: Sequence[str], tensors: Sequence[Tensor], start: int) -> Op:
    inputs = [int(i) for i in op.inputs] if op.inputs is not None else []
    outputs = [int(i) for i in op.outputs] if op.outputs is not None else []
    given = [tensors[i] if i >= 0 else None for i in inputs]
    results = [tensors[i] for i in outputs]
    kind = types[op.opcodeIndex]
    return Op(
        type=kind,
        name=results[0].name if results else "",
        inputs=_positions(inputs, start),
        outputs=_positions(outputs, start),
        macs=litert_macs(kind, given, results, op.builtinOptions),
    )


def _positions(indices: Any, start: int) -> tuple[int, ...]:
    """Positions in the list of all tensors; an index of -1 stands for an input left out."""
    return tuple(int(i) + start for i in indices if i >= 0) if indices is not None else ()


def _signature_names(model: ModelT) -> dict[int, str]:
    """Names by which the main graph's inputs and outputs are called."""
    signatures = [s for s in model.signatureDefs or [] if not s.subgraphIndex]
    if len(signatures) != 1:
        return {}
    maps = [*(signatures[0].inputs or []), *(signatures[0].outputs or [])]
    return {int(m.tensorIndex): _text(m.name) for m in reversed(maps)}


def _renamed(tensor: Tensor, name: str | None) -> Tensor:
    return tensor if name is None else replace(tensor, name=name)


def _weight_bytes(model: ModelT, tensors: Sequence[Tensor]) -> int:
    buffers = [tensor.buffer for graph in model.subgraphs for tensor in graph.tensors]
    sizes = {buffer: tensor.bytes for buffer, tensor in zip(buffers, tensors, strict=True) if tensor.is_constant}
    return sum(sizes.values())


def _text(value: bytes | str | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""


def _enum_names(enum: str) -> Mapping[int, str]:
    from ai_edge_litert import schema_py_generated as schema

    return {value: name for name, value in vars(getattr(schema, enum)).items() if isinstance(value, int)}


def _enum_value(enum: str, name: str) -> int:
    from ai_edge_litert import schema_py_generated as schema

    return int(getattr(getattr(schema, enum), name))
