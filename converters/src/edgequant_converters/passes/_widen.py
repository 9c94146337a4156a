"""A quantized graph in float: what its integers stand for, and the ranges that they can hold.

1. Sparse constants are unpacked (`_densify`), and constants become the numbers that they stand for. Weights remember
   their scales, so that they can be quantized anew to the same integers.
2. Every other quantized tensor becomes float32; what its integers reach, from smallest to largest, is its range.
3. QUANTIZE and DEQUANTIZE vanish.
4. A layer whose smallest integer stands for 0 cuts off what is negative, with or without an activation of its own: it
   gets a RELU where it has none.
"""

import numpy as np
from numpy.typing import NDArray

from edgequant_converters.ir import Graph, Model, Operator, Quantization, Tensor

from ._densify import densify
from ._fusions import TAKE_ACTIVATIONS

KnownRanges = dict[Tensor, tuple[float, float]]

_LIMITS = {"INT8": (-128, 127), "UINT8": (0, 255), "INT16": (-32768, 32767)}
_WEIGHTS = ("INT8", "INT4")


def widen(model: Model) -> KnownRanges:
    """Rewrite a model in float32, in place; return the range of every tensor that was quantized and is computed."""
    ranges: KnownRanges = {}
    for graph in model.graphs:
        densify(graph)
        _cut_at_zero(graph)
        for tensor in graph.tensors():
            _widen(tensor, ranges)
        _drop_changes_of_type(graph, ranges)
        for operator in graph.operators:
            operator.version = 1
            operator.intermediates = []
            operator.options.pop("asymmetricQuantizeInputs", None)
    return ranges


def _widen(tensor: Tensor, ranges: KnownRanges) -> None:
    quantization = tensor.quantization
    if tensor.is_constant:
        _widen_constant(tensor)
    elif quantization is not None and tensor.type in _LIMITS:
        low, high = _LIMITS[tensor.type]
        scale, zero = quantization.scale_and_point
        ranges[tensor] = ((low - zero) * scale, (high - zero) * scale)
        tensor.type, tensor.quantization = "FLOAT32", None
    elif tensor.type in ("FLOAT16", "BFLOAT16") or (quantization is not None and tensor.type == "INT32"):
        tensor.type, tensor.quantization = "FLOAT32", None


def _widen_constant(tensor: Tensor) -> None:
    if isinstance(tensor.data, bytes):  # text
        return
    if tensor.type in ("FLOAT16", "BFLOAT16"):
        tensor.data, tensor.type = tensor.values.astype(np.float32), "FLOAT32"
    elif tensor.quantization is not None:
        symmetric = tensor.type in _WEIGHTS and not np.any(tensor.quantization.zero_point)
        tensor.data = real_values(tensor.values, tensor.quantization)
        tensor.type = "FLOAT32"
        tensor.quantization = tensor.quantization if symmetric else None


def real_values(stored: NDArray[np.generic], quantization: Quantization) -> NDArray[np.float32]:
    """Return the numbers that stored integers stand for."""
    if quantization.block:
        scale = np.repeat(quantization.scale, quantization.block, axis=-1)[..., : stored.shape[-1]].astype(np.float64)
        return (stored.astype(np.float64) * scale).astype(np.float32)
    shape = [1] * stored.ndim
    if quantization.scale.size > 1:
        # Old converters name an axis that a bias of one axis does not have: its only one is meant.
        shape[quantization.axis if quantization.axis < stored.ndim else 0] = quantization.scale.size
    scale, zero = quantization.scale.astype(np.float64), quantization.zero_point
    offset = np.broadcast_to(zero, scale.shape).reshape(shape if scale.size > 1 else [1] * stored.ndim)
    factor = scale.reshape(shape if scale.size > 1 else [1] * stored.ndim)
    return ((stored.astype(np.float64) - offset) * factor).astype(np.float32)


def _cut_at_zero(graph: Graph) -> None:
    for operator in graph.operators:
        made = operator.output if operator.outputs else None
        if made is None or made.quantization is None or operator.code not in TAKE_ACTIVATIONS:
            continue
        if operator.options.get("fusedActivationFunction", "NONE") != "NONE" or made.type not in ("INT8", "UINT8"):
            continue
        if int(made.quantization.zero_point[0]) == _LIMITS[made.type][0]:
            operator.options["fusedActivationFunction"] = "RELU"


def _drop_changes_of_type(graph: Graph, ranges: KnownRanges) -> None:
    same: dict[Tensor, Tensor] = {}
    kept: list[Operator] = []
    for operator in graph.operators:
        operator.inputs = [x if x is None else same.get(x, x) for x in operator.inputs]
        if operator.code not in ("QUANTIZE", "DEQUANTIZE", "FAKE_QUANT") or not _is_plain(operator):
            kept.append(operator)
            continue
        x, made = operator.given[0], operator.output
        if made in ranges:
            ranges.setdefault(x, ranges[made])
        same[made] = x
    graph.operators = kept
    graph.outputs = [same.get(x, x) for x in graph.outputs]


def _is_plain(operator: Operator) -> bool:
    """Tell whether a change of type changes nothing any more: a float goes in and a float comes out."""
    return operator.given[0].type == operator.output.type == "FLOAT32"
