"""Recurrent layers as ONNX's own operators, gates in ONNX's order."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgequant_converters.ir import Operator, Tensor

from ._registry import refuse, writes
from ._writer import Writer

_LITERT_GATES = ("input", "forget", "cell", "output")
_ONNX_GATES = ("input", "output", "forget", "cell")
_FUSED = {"TANH": "Tanh", "RELU": "Relu"}
_BACKWARD = 17
"""Where the second direction's weights begin among a bidirectional LSTM's inputs: 17 behind the first's."""


@writes("UNIDIRECTIONAL_SEQUENCE_LSTM")
def lstm(writer: Writer, operator: Operator) -> None:
    """Write an LSTM without projection, normalisation or coupled gates."""
    _check(operator, operator.inputs[1:18], operator.inputs[20:24])
    weights = _lstm_weights(writer, operator.inputs[1:18])
    _write(writer, operator, "LSTM", weights, [operator.output], _activations(operator, ("Sigmoid",), 2))


@writes("BIDIRECTIONAL_SEQUENCE_LSTM")
def lstm_both_ways(writer: Writer, operator: Operator) -> None:
    """Write an LSTM in both directions, without an auxiliary input."""
    own = [operator.inputs[1:18], operator.inputs[1 + _BACKWARD : 18 + _BACKWARD]]
    for weights in own:
        _check(operator, weights, operator.inputs[39:48])
    parts = zip(*(_lstm_weights(writer, weights) for weights in own), strict=True)
    joined = [_joined(writer, pair) for pair in parts]
    _write(writer, operator, "LSTM", joined, operator.outputs, _activations(operator, ("Sigmoid",), 2) * 2)


@writes("UNIDIRECTIONAL_SEQUENCE_RNN")
def rnn(writer: Writer, operator: Operator) -> None:
    """Write a plain recurrent layer."""
    weights = _rnn_weights(writer, operator.inputs[1:4])
    _write(writer, operator, "RNN", weights, [operator.output], _activations(operator, (), 1))


@writes("BIDIRECTIONAL_SEQUENCE_RNN")
def rnn_both_ways(writer: Writer, operator: Operator) -> None:
    """Write a plain recurrent layer in both directions, without an auxiliary input."""
    if any(tensor is not None for tensor in operator.inputs[9:]):
        raise refuse(operator, "an auxiliary input")
    parts = zip(*(_rnn_weights(writer, operator.inputs[i : i + 3]) for i in (1, 5)), strict=True)
    joined = [_joined(writer, pair) for pair in parts]
    _write(writer, operator, "RNN", joined, operator.outputs, _activations(operator, (), 1) * 2)


def _check(operator: Operator, weights: Sequence[Tensor | None], others: Sequence[Tensor | None]) -> None:
    if weights[0] is None:
        raise refuse(operator, "coupled gates")
    if weights[15] is not None:
        raise refuse(operator, "a projection")
    if any(tensor is not None for tensor in others):
        raise refuse(operator, "a normalisation of its layers, or an auxiliary input")
    if operator.options.get("cellClip") or operator.options.get("projClip"):
        raise refuse(operator, "a clipped cell")


def _activations(operator: Operator, gate: tuple[str, ...], count: int) -> list[str]:
    function = operator.options.get("fusedActivationFunction", "NONE")
    if function not in _FUSED:
        raise refuse(operator, f"the activation function {function}")
    return [*gate, *[_FUSED[function]] * count]


def _lstm_weights(writer: Writer, given: Sequence[Tensor | None]) -> list[str]:
    """Return W (1, 4 hidden, features), R (1, 4 hidden, hidden), B (1, 8 hidden) and P (1, 3 hidden), or "" for it."""

    def gates(tensors: Sequence[Tensor | None]) -> list[str]:
        order = [_LITERT_GATES.index(gate) for gate in _ONNX_GATES]
        return [writer.value(tensor) for place in order if (tensor := tensors[place]) is not None]

    hidden = next(tensor.shape[0] for tensor in given if tensor is not None)
    zeros = writer.constant(np.zeros(4 * hidden, np.float32))
    peepholes = [given[place] for place in (8, 10, 9)]  # LiteRT's order is input, forget, output
    seen = [writer.value(tensor) for tensor in peepholes if tensor is not None]
    return [
        _stacked(writer, gates(given[0:4])),
        _stacked(writer, gates(given[4:8])),
        _stacked(writer, [*gates(given[11:15]), zeros]),
        _stacked(writer, seen) if seen else "",
    ]


def _rnn_weights(writer: Writer, given: Sequence[Tensor | None]) -> list[str]:
    weights, recurrent, bias = (tensor for tensor in given if tensor is not None)
    zeros = writer.constant(np.zeros(bias.shape, np.float32))
    return [
        _stacked(writer, [writer.value(weights)]),
        _stacked(writer, [writer.value(recurrent)]),
        _stacked(writer, [writer.value(bias), zeros]),
        "",
    ]


def _stacked(writer: Writer, parts: Sequence[str]) -> str:
    """Return the parts one after another, with an axis of one direction in front."""
    whole = parts[0] if len(parts) == 1 else writer.node("Concat", parts, axis=0)
    return writer.node("Unsqueeze", [whole, writer.ints([0])])


def _joined(writer: Writer, pair: Sequence[str]) -> str:
    return writer.node("Concat", pair, axis=0) if all(pair) else ""


def _write(
    writer: Writer, operator: Operator, op_type: str, weights: Sequence[str], outputs: Sequence[Tensor],
    activations: Sequence[str],
) -> None:  # fmt: skip
    """Append the layer, which in ONNX reads (steps, batch, features) and gives (steps, directions, batch, hidden)."""
    x = operator.given[0]
    time_major = bool(operator.options.get("timeMajor", False))
    source = writer.value(x) if time_major else writer.permuted(x, (1, 0, 2))
    directions = 2 if operator.code.startswith("BI") else 1
    merged = bool(operator.options.get("mergeOutputs", False))
    hidden = outputs[0].shape[-1] // (2 if merged else 1)
    inputs = [source, *weights[:3], *(["", "", "", weights[3]] if weights[3] else [])]
    attributes: dict[str, Any] = {"direction": "bidirectional"} if directions == 2 else {}
    made = writer.node(op_type, inputs, hidden_size=hidden, activations=list(activations), **attributes)
    if directions == 1:
        sequences = [writer.node("Squeeze", [made, writer.ints([1])])]
    elif merged:
        turned = writer.transpose(made, (0, 2, 1, 3))
        sequences = [writer.node("Reshape", [turned, writer.ints([0, 0, 2 * hidden])])]
    else:
        parts = writer.nodes_of("Split", [made, writer.ints([1, 1])], 2, axis=1)
        sequences = [writer.node("Squeeze", [part, writer.ints([1])]) for part in parts]
    for tensor, sequence in zip(outputs, sequences, strict=True):
        writer.set(tensor, sequence if time_major else writer.transpose(sequence, (1, 0, 2)))
