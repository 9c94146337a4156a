"""Which operators are not in the number format asked for, and why."""

from collections.abc import Mapping
from pathlib import Path

from ._report import FloatOp, KeptCost
from ._request import QuantizationRequest
from ._schemes import Scheme
from .graph import ModelGraph, Op, Tensor, float_ops, read_graph
from .graph._float_ops import CONVERSIONS
from .quantizer import FEW, has_integer_form

KEPT = "asked for by --keep-float or the recipe"
FLOAT_NEIGHBOURS = "one of its tensors has no range, or belongs to an operator that stays in float"
STORED_ONLY = "weights are stored in int8, arithmetic stays in float: onnxruntime's integer kernel is slow or missing"
FEW_WEIGHTS = f"it has fewer than {FEW:,} weights, which int8 would make worse and hardly smaller"
FLOAT_WEIGHTS = "its weights stayed in float32"

ONNX_STORED_ONLY = ("Conv", "ConvTranspose", "GRU", "RNN")
NARROW = {"float16", "bfloat16", "int8", "uint8", "int4", "uint4"}


def left_in_float(model: Path, request: QuantizationRequest, kept: Mapping[str, str]) -> tuple[FloatOp, ...]:
    """Return the operators of a written model that compute, or keep their weights, in float against the request.

    For int8 and int16x8 every float operator counts; for dynamic those with weights; for the formats that only store
    weights narrower, those whose weights are still float32. `kept` says why the quantizer itself left some.
    """
    if request.scheme is Scheme.FP32:
        return ()
    graph = read_graph(model)
    if request.scheme.needs_calibration:
        return tuple(
            _explained(op, kept.get(op.name) or _why_not_integer(op, graph, request)) for op in float_ops(graph)
        )
    left = [(op, _why_not_narrow(op, graph, request)) for op in graph.ops if op.macs]
    return tuple(_explained(op, why) for op, why in left if why)


def cost_of_kept(model: Path, kept: Mapping[str, str], strict_bytes: int | None) -> KeptCost | None:
    """Return what the operators cost that the quantizer left in float; None if there are none."""
    if strict_bytes is None:
        return None
    graph = read_graph(model)
    computed = [
        (op, sum(graph.tensors[i].elements for i in op.outputs)) for op in graph.ops if op.type not in CONVERSIONS
    ]
    floats = {id(op) for op in float_ops(graph) if op.name in kept}
    return KeptCost(
        operators=len(floats),
        bytes=model.stat().st_size - strict_bytes,
        macs=sum(op.macs or 0 for op, _ in computed if id(op) in floats),
        all_macs=sum(op.macs or 0 for op, _ in computed),
        values=sum(size for op, size in computed if id(op) in floats),
        all_values=sum(size for _, size in computed),
    )


def was_quantized(model: Path) -> bool:
    """Tell whether a written model has a weight of fewer bits than float32, or an operator that computes in integers.

    A network without weights (a softmax, an addition of two inputs) is quantized in its activations alone.
    """
    graph = read_graph(model)
    if not NARROW.isdisjoint(graph.weight_dtypes):
        return True
    rounded = {i for i, tensor in enumerate(graph.tensors) if tensor.scales and not tensor.is_constant}
    rounded |= {i for op in graph.ops if op.type == "DequantizeLinear" for i in op.outputs}
    floats = {id(op) for op in float_ops(graph)}
    return any(
        rounded & {*op.inputs, *op.outputs} and id(op) not in floats for op in graph.ops if op.type not in CONVERSIONS
    )


def _explained(op: Op, reason: str) -> FloatOp:
    return FloatOp(op.type, op.name, reason)


def _why_not_integer(op: Op, graph: ModelGraph, request: QuantizationRequest) -> str:
    if _was_kept(op, request):
        return KEPT
    if graph.format == "litert":
        known, engine = has_integer_form(op.type, request.scheme), "LiteRT"
    else:
        known, engine = op.type in _onnx_integer_ops(), "onnxruntime's quantizer"
    return FLOAT_NEIGHBOURS if known else f"{engine} has no {request.scheme} form of {op.type}"


def _why_not_narrow(op: Op, graph: ModelGraph, request: QuantizationRequest) -> str | None:
    floats = [graph.tensors[i].elements for i in op.inputs if _is_float_weight(graph.tensors[i])]
    if floats:
        is_left = graph.format == "litert" and request.scheme is Scheme.DYNAMIC and max(floats) < FEW
        return KEPT if _was_kept(op, request) else FEW_WEIGHTS if is_left else FLOAT_WEIGHTS
    stored_only = graph.format == "onnx" and request.scheme is Scheme.DYNAMIC and op.type in ONNX_STORED_ONLY
    return STORED_ONLY if stored_only else None


def _was_kept(op: Op, request: QuantizationRequest) -> bool:
    # A quantizer may have split the Gemm that the user named into MatMul and Add.
    return any(request.keeps_float(op_type, op.name) for op_type in {op.type, *_ONCE.get(op.type, ())})


_ONCE = {"MatMul": ("Gemm",), "Add": ("Gemm",)}


def _is_float_weight(tensor: Tensor) -> bool:
    """Tell a matrix or filter from a bias, which may have leading axes of size 1."""
    return tensor.is_parameter and tensor.dtype == "float32" and sum(n > 1 for n in tensor.shape or ()) > 1


def _onnx_integer_ops() -> set[str]:
    from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry

    return {*QDQRegistry, *QLinearOpsRegistry}
