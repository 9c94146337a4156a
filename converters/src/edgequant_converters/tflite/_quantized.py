"""Recognising a model that is quantized already, and saying by what."""

from collections import Counter

from ._file import ModelT
from ._schema import operator_name, type_name

_QUANTIZATION_OPERATORS = ("QUANTIZE", "DEQUANTIZE", "FAKE_QUANT")


def quantized_parts(model: ModelT) -> list[str]:
    """Return what shows that `model` is quantized, such as "21 INT8 tensors" or "2 QUANTIZE operators"; [] if float."""
    types: Counter[str] = Counter()
    operators: Counter[str] = Counter()
    for graph in model.subgraphs:
        types.update(type_name(t.type) for t in graph.tensors if _has_scale(t) or _is_half_constant(model, t))
        names = (operator_name(model, operator) for operator in graph.operators or [])
        operators.update(name for name in names if name in _QUANTIZATION_OPERATORS)
    return [f"{count} {name} tensors" for name, count in sorted(types.items())] + [
        f"{count} {name} operators" for name, count in sorted(operators.items())
    ]


def _has_scale(tensor: object) -> bool:
    quantization = getattr(tensor, "quantization", None)
    if quantization is None:
        return False
    scale = quantization.scale
    return (scale is not None and len(scale) > 0) or quantization.details is not None


def _is_half_constant(model: ModelT, tensor: object) -> bool:
    """Tell whether a tensor is a weight stored as float16, to be widened by DEQUANTIZE when the model runs."""
    name, buffer = type_name(tensor.type), model.buffers[tensor.buffer]  # type: ignore[attr-defined]
    return name in ("FLOAT16", "BFLOAT16") and buffer.data is not None and len(buffer.data) > 0
