"""The weights of TensorFlow's CudnnRNN, as which recurrent layers of Keras pass through TensorFlow's converters.

The operator stands for one layer in one direction: `input` (steps, batch, features), `input_h` and `input_c` are zeros,
and `params` has all weights in cuDNN's canonical order: what the input is multiplied with, (gates * hidden, features),
what the state is, (gates * hidden, hidden), and a bias of each, (gates * hidden). Numpy alone: both sides of the
TensorFlow process read it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RECURRENT = "CudnnRNN"
"""The operator's name in TensorFlow, and as a custom operator in a .tflite file."""

CUDNN_GATES = {
    "lstm": ("input", "forget", "cell", "output"),
    "gru": ("reset", "update", "hidden"),
    "rnn_tanh": ("hidden",),
    "rnn_relu": ("hidden",),
}
"""rnn_mode -> the order of the gates in `params`."""

_ONNX_GATES = {"lstm": ("input", "output", "forget", "cell"), "gru": ("update", "reset", "hidden")}
_ONNX: dict[str, tuple[str, dict[str, Any]]] = {
    "lstm": ("LSTM", {}),
    "gru": ("GRU", {"linear_before_reset": 1}),
    "rnn_tanh": ("RNN", {}),
    "rnn_relu": ("RNN", {"activations": ["Relu"]}),
}


@dataclass(frozen=True, slots=True)
class OnnxLayer:
    """The same layer as an ONNX operator: W (1, rows, features), R (1, rows, hidden), B (1, 2 * rows)."""

    op_type: str
    attributes: dict[str, Any]
    weights: tuple[NDArray[Any], NDArray[Any], NDArray[Any]]


def params_of(mode: str, gates: tuple[str, ...], kernel: Any, recurrent: Any, biases: Any) -> NDArray[np.float32]:
    """Return `params` of Keras' weights: (features, rows), (hidden, rows), (2, rows); `gates` is their order."""
    rows = _rows(gates, CUDNN_GATES[mode], kernel.shape[1])
    parts = [kernel.T[rows], recurrent.T[rows], *(bias[rows] for bias in biases)]
    return np.concatenate([part.ravel() for part in parts]).astype(np.float32)


def onnx_layer(mode: str, params: NDArray[Any], features: int, hidden: int) -> OnnxLayer:
    """Return the ONNX operator that computes a CudnnRNN; raises KeyError for an unknown mode."""
    op_type, attributes = _ONNX[mode]
    known = CUDNN_GATES[mode]
    count = len(known) * hidden
    rows = _rows(known, _ONNX_GATES.get(mode, known), count)
    sizes = (count * features, count * hidden, count, count)
    w, r, *biases = np.split(params, np.cumsum(sizes)[:-1])
    w, r = w.reshape(1, count, features)[:, rows], r.reshape(1, count, hidden)[:, rows]
    b = np.concatenate([bias[rows] for bias in biases])[None]
    return OnnxLayer(op_type, {"hidden_size": hidden, **attributes}, (w, r, b))


def _rows(gates: tuple[str, ...], wanted: tuple[str, ...], count: int) -> NDArray[np.intp]:
    """Return which of `count` rows, in the order of `gates`, come in the wanted order."""
    size = count // len(gates)
    return np.concatenate([np.arange(size) + gates.index(gate) * size for gate in wanted])
