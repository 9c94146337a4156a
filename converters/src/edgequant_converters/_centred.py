"""A float hub whose logits have a mean of 0 before a softmax, which does not see what they have in common.

Logits that go up and down together take a range, and its steps, for nothing; where all are below what calibration saw,
int8 has nothing but its lowest value for them, and every class the same probability.
"""

from pathlib import Path

import numpy as np

from .ir import Graph, Operator, read_ir, write_ir
from .tflite import read_model


def centred(hub: Path) -> Path:
    """Write a copy beside a .tflite hub whose dense layers before a softmax make centred logits; the hub, if none is.

    A constant bias and the mean row are taken off bias and weights; the softmax's results are the same but for the last
    bits.
    """
    model = read_ir(read_model(hub))
    layers = _layers_before_softmax(model.main)
    if not layers:
        return hub
    for layer in layers:
        for constant in layer.given[1:]:
            values = constant.values
            constant.data = (values - values.mean(axis=0, dtype=np.float64)).astype(np.float32)
    written = hub.with_name(f"centred-{hub.name}")
    written.write_bytes(write_ir(model))
    return written


def _layers_before_softmax(graph: Graph) -> list[Operator]:
    """Return the dense layers whose results a softmax over the last axis alone reads."""
    users, producers, found = graph.users(), graph.producers(), list[Operator]()
    constants = [tensor for operator in graph.operators for tensor in operator.given[1:] if tensor.is_constant]
    for softmax in graph.operators:
        logits = softmax.given[0] if softmax.code == "SOFTMAX" else None
        layer = None if logits is None else producers.get(logits)
        if (
            layer is not None
            and layer.code == "FULLY_CONNECTED"
            and layer.options.get("fusedActivationFunction", "NONE") == "NONE"
            and users[layer.output] == [softmax]
            and layer.output not in graph.outputs
            and layer.output.shape[-1] == len(layer.given[1].values if layer.given[1].is_constant else ()) > 1
            and all(one.is_constant and one.type == "FLOAT32" and constants.count(one) == 1 for one in layer.given[1:])
        ):
            found.append(layer)
    return found
