"""Multiply-accumulates of LiteRT ops, from their tensors' shapes (layouts as in the comments of schema.fbs)."""

import math
from collections.abc import Sequence
from typing import Any

from ._model import Tensor

_RECURRENT = frozenset(
    {"LSTM", "RNN", "SVDF", "UNIDIRECTIONAL_SEQUENCE_LSTM", "UNIDIRECTIONAL_SEQUENCE_RNN",
     "BIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_RNN"}
)  # fmt: skip


def litert_macs(kind: str, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor], options: Any) -> int:
    """Return the multiply-accumulates of one op; 0 for a kind without weight or matrix product, or a missing input."""
    if kind in _RECURRENT:
        return _recurrent(inputs)
    if len(inputs) < 2 or inputs[0] is None or inputs[1] is None or not outputs:
        return 0
    out, first, weights = outputs[0].elements, inputs[0], inputs[1]
    sizes = _sizes(weights)
    match kind:
        case "CONV_2D":  # filter (out channels, height, width, in channels of a group)
            return out * math.prod(sizes[1:])
        case "DEPTHWISE_CONV_2D":  # filter (1, height, width, channels)
            return out * math.prod(sizes[1:3])
        case "CONV_3D":  # filter (depth, height, width, in channels, out channels)
            return out * math.prod(sizes[:4])
        case "TRANSPOSE_CONV":  # inputs (output shape, filter (out, height, width, in), activations (n, h, w, in))
            return inputs[2].elements * math.prod(sizes[:3]) if len(inputs) > 2 and inputs[2] else 0
        case "FULLY_CONNECTED":  # weights (out, in)
            return out * sizes[-1] if sizes else 0
        case "BATCH_MATMUL":  # (..., m, k) x (..., k, n); adjX: the first is stored as (..., k, m)
            depth_axis = -2 if getattr(options, "adjX", False) else -1
            return out * _sizes(first)[depth_axis]
    return 0


def _recurrent(inputs: Sequence[Tensor | None]) -> int:
    """Every weight matrix is applied once to every row of the sequence; biases and peepholes are vectors."""
    if not inputs or inputs[0] is None:
        return 0
    rows = math.prod(_sizes(inputs[0])[:-1])
    return rows * sum(t.elements for t in inputs if t is not None and t.is_constant and len(_sizes(t)) == 2)


def _sizes(tensor: Tensor) -> tuple[int, ...]:
    return tuple(1 if n < 0 else n for n in tensor.shape or ())
