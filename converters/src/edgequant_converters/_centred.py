"""A float hub whose logits have a mean of 0 before a softmax, which does not see what they have in common.

Logits that go up and down together take a range, and its steps, for nothing; where all are below what calibration saw,
int8 has nothing but its lowest value for them, and every class the same probability.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .ir import Model, Operator, Tensor, constant, read_ir, write_ir
from .tflite import read_model


def centred(hub: Path) -> Path:
    """Write a copy beside a .tflite hub whose dense layers before a softmax make centred logits; the hub, if none is.

    The mean row and the mean bias are taken off weights and bias; the softmax's results are the same but for the last
    bits. Weights that anything else reads stay: another copy of them would cost their bytes.
    """
    model = read_ir(read_model(hub))
    layers = _layers_before_softmax(model)
    if not layers:
        return hub
    for layer in layers:
        weights, *bias = layer.given[1:]
        layer.inputs[1:] = [_less(weights, weights.values.mean(axis=0, dtype=np.float64))]
        layer.inputs += [_less(one, one.values.mean(dtype=np.float64)) for one in bias]
    written = hub.with_name(f"centred-{hub.name}")
    written.write_bytes(write_ir(model))
    return written


def _less(one: Tensor, mean: NDArray[np.float64]) -> Tensor:
    """Return a new constant: the old one may have other readers."""
    return constant(one.name, one.values - mean, np.float32)


def _layers_before_softmax(model: Model) -> list[Operator]:
    """Return the dense layers, of weights of their own, whose results a softmax over the last axis alone reads."""
    graph = model.main
    users, producers, found = graph.users(), graph.producers(), list[Operator]()
    constants = [tensor for each in model.graphs for tensor in each.tensors() if tensor.is_constant]
    for softmax in graph.operators:
        logits = softmax.given[0] if softmax.code == "SOFTMAX" else None
        layer = None if logits is None else producers.get(logits)
        if (
            layer is not None
            and layer.code == "FULLY_CONNECTED"
            and layer.options.get("fusedActivationFunction", "NONE") == "NONE"
            and users[layer.output] == [softmax]
            and layer.output not in graph.outputs
            and all(one.is_constant and one.type == "FLOAT32" for one in layer.given[1:])
            and layer.output.shape[-1] == len(layer.given[1].values) > 1
            and users[layer.given[1]] == [layer]
            and layer.given[1] not in graph.outputs
            and not any(_one_in_the_file(layer.given[1], other) for other in constants)
        ):
            found.append(layer)
    return found


def _one_in_the_file(one: Tensor, other: Tensor) -> bool:
    """Tell whether two constants have equal bytes, which are written once."""
    return (
        other is not one
        and other.type == one.type
        and other.size == one.size
        and np.array_equal(one.values.reshape(-1), other.values.reshape(-1))
    )
