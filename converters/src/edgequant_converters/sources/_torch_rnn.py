"""torch's plain recurrent layers as ONNX's RNN, where PyTorch's export writes every step out."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx_ir
from onnxscript import opset20 as op

Value = Any  # onnx_ir.Value, which the exporter passes


def rnn(activation: str) -> Callable[..., tuple[Value, Value]]:
    """Return the translation of aten.rnn_tanh or aten.rnn_relu."""

    def translated(
        x: Value, hx: Value, params: Sequence[Value], has_biases: bool, num_layers: int, dropout: float, train: bool,
        bidirectional: bool, batch_first: bool,
    ) -> tuple[Value, Value]:  # fmt: skip
        """Write layers on (steps, batch, features) or (batch, steps, features); return the sequence and last states."""
        ways, each = 2 if bidirectional else 1, 4 if has_biases else 2
        sequence = op.Transpose(x, perm=[1, 0, 2]) if batch_first else x
        states = []
        for layer in range(num_layers):
            own = [params[(layer * ways + way) * each : (layer * ways + way + 1) * each] for way in range(ways)]
            first = op.Slice(hx, _ints([layer * ways]), _ints([(layer + 1) * ways]), _ints([0]))
            sequence, last = _layer(sequence, first, own, activation)
            states.append(last)
        joined = states[0] if len(states) == 1 else op.Concat(*states, axis=0)
        return (op.Transpose(sequence, perm=[1, 0, 2]) if batch_first else sequence), joined

    return translated


def _layer(x: Value, first: Value, own: Sequence[Sequence[Value]], activation: str) -> tuple[Value, Value]:
    ways = len(own)

    def stacked(index: int) -> Value:
        parts = [op.Unsqueeze(params[index], _ints([0])) for params in own]
        return parts[0] if ways == 1 else op.Concat(*parts, axis=0)

    biases = op.Concat(stacked(2), stacked(3), axis=1) if len(own[0]) == 4 else None
    hidden = int(own[0][1].shape[1])
    made, last = op.RNN(
        x, stacked(0), stacked(1), biases, None, first, hidden_size=hidden, activations=[activation] * ways,
        direction="bidirectional" if ways == 2 else "forward",
    )  # fmt: skip
    if ways == 1:
        return op.Squeeze(made, _ints([1])), last
    return op.Reshape(op.Transpose(made, perm=[0, 2, 1, 3]), _ints([0, 0, 2 * hidden])), last


def _ints(values: Sequence[int]) -> Value:
    tensor: Any = onnx_ir.Tensor(np.asarray(values, np.int64))
    return op.Constant(value=tensor)
