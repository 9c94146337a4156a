"""Multiply-accumulates of ONNX ops, from their tensors' shapes (layouts as in the operator reference)."""

import math
from collections.abc import Sequence

import onnx

from ._model import Tensor

# Position of the weights among the inputs, by op type.
_CONVOLUTIONS = {"Conv": 1, "ConvInteger": 1, "FusedConv": 1, "QLinearConv": 3}
_PRODUCTS = frozenset({"MatMul", "MatMulInteger", "QLinearMatMul", "FusedMatMul", "DynamicQuantizeMatMul"})
_RECURRENT = frozenset({"LSTM", "GRU", "RNN", "DynamicQuantizeLSTM"})


def onnx_macs(node: onnx.NodeProto, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]) -> int:
    """Return the multiply-accumulates of one node; 0 for other kinds, and where a shape is unknown."""
    kind = node.op_type
    if not inputs or inputs[0] is None or not outputs:
        return 0
    first, out = _sizes(inputs[0]), outputs[0].elements
    if kind in _CONVOLUTIONS:  # weights (out channels, in channels of a group, kernel ...)
        return out * math.prod(_sizes_at(inputs, _CONVOLUTIONS[kind])[1:])
    if kind == "ConvTranspose":  # weights (in channels, out channels of a group, kernel ...)
        return inputs[0].elements * math.prod(_sizes_at(inputs, 1)[1:])
    if kind in _PRODUCTS:  # (..., m, k) x (..., k, n)
        return out * (first[-1] if first else 0)
    if kind == "Gemm":  # (m, k), or stored as (k, m) with transA
        return out * (first[-2 if _integer(node, "transA") else -1] if len(first) == 2 else 0)
    if kind == "MatMulNBits":
        return out * _integer(node, "K")
    if kind in _RECURRENT:  # X (steps, batch, in), W and R one matrix per gate and direction
        rows = math.prod(first[:2]) if len(first) == 3 else 0
        return rows * sum(t.elements for t in inputs[1:3] if t is not None)
    return 0


def _sizes_at(inputs: Sequence[Tensor | None], position: int) -> tuple[int, ...]:
    tensor = inputs[position] if position < len(inputs) else None
    return _sizes(tensor) if tensor else (0, 0)


def _sizes(tensor: Tensor) -> tuple[int, ...]:
    return tuple(1 if n < 0 else n for n in tensor.shape or ())


def _integer(node: onnx.NodeProto, name: str) -> int:
    return next((int(attribute.i) for attribute in node.attribute if attribute.name == name), 0)
