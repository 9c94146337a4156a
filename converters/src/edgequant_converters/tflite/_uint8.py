"""uint8 inputs and outputs for a model that computes in int8."""

from typing import Any

import numpy as np

from edgequant_converters._errors import UnsupportedError

from ._file import ModelT
from ._schema import operator_code, type_name

_OFFSET = 128  # real = scale * (q - zero_point): q and the zero point move together from -128..127 to 0..255


def set_io_uint8(model: ModelT) -> None:
    """Give a full-integer int8 model uint8 inputs and outputs, in place.

    A QUANTIZE operator at each edge changes between uint8 and int8; the scale stays and the zero point grows by 128, so
    no value changes. The new tensors take the old names. int32, int64 and bool edges (indices, masks) stay as they are.
    Raises UnsupportedError if an input or output is float or int16.
    """
    graph = model.subgraphs[0]
    for tensor in (graph.tensors[index] for index in [*graph.inputs, *graph.outputs]):
        if type_name(tensor.type) in ("FLOAT32", "FLOAT16", "INT16"):
            raise UnsupportedError(
                f"uint8 inputs and outputs need a full int8 model, but '{tensor.name.decode()}' is "
                f"{type_name(tensor.type).lower()}: quantize to int8, or take --io int8."
            )
    code = operator_code(model, "QUANTIZE")
    inputs = {index: _uint8_twin(graph, index) for index in graph.inputs if _is_int8(graph.tensors[index])}
    outputs = {index: _uint8_twin(graph, index) for index in graph.outputs if _is_int8(graph.tensors[index])}
    first = [_operator(code, outer, inner) for inner, outer in inputs.items()]
    last = [_operator(code, inner, outer) for inner, outer in outputs.items()]
    graph.operators = [*first, *graph.operators, *last]
    graph.inputs = [inputs.get(index, index) for index in graph.inputs]
    graph.outputs = [outputs.get(index, index) for index in graph.outputs]
    for signature in model.signatureDefs or []:
        _redirect(signature.inputs, inputs)
        _redirect(signature.outputs, outputs)


def _is_int8(tensor: Any) -> bool:
    return type_name(tensor.type) == "INT8"


def _uint8_twin(graph: Any, index: int) -> int:
    """Append a uint8 tensor that takes over the name and scale of int8 tensor `index`; return its own index."""
    from ai_edge_litert.schema_py_generated import QuantizationParametersT, TensorT, TensorType

    inner = graph.tensors[index]
    zero_point = np.asarray(inner.quantization.zeroPoint, np.int64) + _OFFSET
    graph.tensors.append(
        TensorT(
            name=inner.name,
            shape=inner.shape,
            shapeSignature=inner.shapeSignature,
            hasRank=inner.hasRank,
            type=TensorType.UINT8,
            quantization=QuantizationParametersT(scale=inner.quantization.scale, zeroPoint=zero_point),
        )
    )
    inner.name = inner.name + b"_int8"
    return len(graph.tensors) - 1


def _operator(code: int, source: int, target: int) -> Any:
    from ai_edge_litert.schema_py_generated import BuiltinOptions, OperatorT, QuantizeOptionsT

    return OperatorT(
        opcodeIndex=code,
        inputs=[source],
        outputs=[target],
        builtinOptionsType=BuiltinOptions.QuantizeOptions,
        builtinOptions=QuantizeOptionsT(),
    )


def _redirect(entries: list[Any], moved: dict[int, int]) -> None:
    for entry in entries:
        entry.tensorIndex = moved.get(entry.tensorIndex, entry.tensorIndex)
