"""Recurrent layers of Keras while a network is written: one operator each where it can be, else unrolled."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from edgequant_converters._cudnn import params_of

_GATES = {
    keras.layers.LSTM: ("input", "forget", "cell", "output"),
    keras.layers.GRU: ("update", "reset", "hidden"),
    keras.layers.SimpleRNN: ("hidden",),
}
"""The order of the gates in a layer's weights."""

_LONGEST_UNROLLED = 32
"""Steps of a GRU or SimpleRNN that are unrolled for LiteRT: then all of it can be int8, which a loop cannot."""


@contextmanager
def recurrent_layers_written(model: Any, target: str) -> Iterator[bool]:
    """While this lasts, tracing the model gives recurrent layers as the target takes them; tells if there are any.

    A loop over time can neither be quantized to int8 nor be fused by an engine. So a layer is traced as a CudnnRNN (see
    `edgequant_converters._cudnn`), of which the writers make one operator, and one that computes more than that
    operator is unrolled.
    """
    layers = [layer for layer in model._flatten_layers() if hasattr(layer, "unroll")]
    with ExitStack() as stack:
        for layer in layers:
            stack.enter_context(_unrolled(layer))
            mode = _mode(layer)
            if mode is not None:
                stack.enter_context(_as_one_operator(layer, mode, target))
        yield bool(layers)


@contextmanager
def _unrolled(layer: Any) -> Iterator[None]:
    before, layer.unroll = layer.unroll, True
    try:
        yield
    finally:
        layer.unroll = before


def _mode(layer: Any) -> str | None:
    """Return the `rnn_mode` of a CudnnRNN that computes what the layer does; None if none does."""
    if type(layer) not in _GATES or layer.stateful or layer.return_state or layer.compute_dtype != "float32":
        return None
    cell = layer.cell
    activation = keras.activations.serialize(cell.activation)
    if isinstance(layer, keras.layers.SimpleRNN):
        return {"tanh": "rnn_tanh", "relu": "rnn_relu"}.get(activation)
    gate = keras.activations.serialize(cell.recurrent_activation)
    if (activation, gate) != ("tanh", "sigmoid"):
        return None
    if isinstance(layer, keras.layers.LSTM):
        return "lstm"
    return "gru" if cell.reset_after else None


@contextmanager
def _as_one_operator(layer: Any, mode: str, target: str) -> Iterator[None]:
    params, plain = _params(layer, mode), layer.call

    def call(sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        known = sequences.shape.is_fully_defined() and initial_state is None and mask is None
        short = target == "litert" and mode != "lstm" and known and sequences.shape[1] <= _LONGEST_UNROLLED
        if not known or short:
            return plain(sequences, initial_state=initial_state, mask=mask, training=training)
        steps = _operator(mode, params, sequences, layer.units, backwards=layer.go_backwards)
        if target == "onnx" and not layer.return_sequences:
            # A slice, which takes the last step elsewhere, is two operators in ONNX: the second drops the axis.
            return tf.gather(steps, sequences.shape[1] - 1)
        outputs = tf.transpose(steps, (1, 0, 2))
        return outputs if layer.return_sequences else outputs[:, -1]

    layer.call = call
    try:
        yield
    finally:
        del layer.call


def _operator(mode: str, params: Any, sequences: Any, units: int, *, backwards: bool) -> Any:
    """Return the outputs (steps, batch, units) in the order of the steps as they are taken."""
    given = tf.reverse(sequences, [1]) if backwards else sequences
    zeros = tf.zeros((1, sequences.shape[0], units))
    made = tf.raw_ops.CudnnRNN(
        input=tf.transpose(given, (1, 0, 2)), input_h=zeros, input_c=zeros, params=params, rnn_mode=mode,
        is_training=False,
    )  # fmt: skip
    return made.output


def _params(layer: Any, mode: str) -> Any:
    value: Callable[[Any], Any] = keras.ops.convert_to_numpy
    cell = layer.cell
    kernel, recurrent = value(cell.kernel), value(cell.recurrent_kernel)
    biases = np.zeros((2, kernel.shape[1]), np.float32)
    if cell.bias is not None:
        given = np.atleast_2d(value(cell.bias))
        biases[: len(given)] = given
    return params_of(mode, _GATES[type(layer)], kernel, recurrent, biases)
