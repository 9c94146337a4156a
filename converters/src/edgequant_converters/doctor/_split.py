"""One output of several parts becomes several outputs, so that each is quantized with a scale of its own."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from edgequant_converters.tflite import rename_io

from ._network import Layer, Network


def split_output(network: Network, output: int, axis: int, at: Sequence[int]) -> None:
    """Cut output number `output` at the indices `at` of `axis`; what is computed stays.

    The output is what a CONCATENATION along `axis` joins at these indices, or what a CONV_2D or FULLY_CONNECTED
    computes, `axis` being its channels. NAME becomes NAME_0, NAME_1 ...; the parts take the output's place in order.
    """
    graph = network.graph
    index = int(graph.outputs[output])
    producer = next(op for op in graph.operators if index in op.outputs)
    if network.type_of(producer) == "CONCATENATION":
        parts = [int(i) for i in producer.inputs]
        graph.operators = [op for op in graph.operators if op is not producer]
    else:
        parts = _split_layer(network, network.layer(network.tensor_name(index)), producer, at)
    signature = network.model.signatureDefs[0]
    names = {entry.tensorIndex: entry.name.decode() for entry in signature.outputs}
    inputs = {entry.tensorIndex: entry.name.decode() for entry in signature.inputs}
    own = [names[int(i)] for i in graph.outputs]
    own[output : output + 1] = [f"{own[output]}_{number}" for number in range(len(parts))]
    outputs = [int(i) for i in graph.outputs]
    outputs[output : output + 1] = parts
    graph.outputs = np.array(outputs, np.int32)
    rename_io(network.model, [inputs[int(i)] for i in graph.inputs], own)
    network.refresh()


def _split_layer(network: Network, layer: Layer, producer: Any, at: Sequence[int]) -> list[int]:
    """Replace a layer by several that compute its channels part by part; return their outputs."""
    weights, bias = network.weights(layer), network.bias(layer)
    parts = []
    twins = []
    for number, (rows, shift) in enumerate(zip(np.split(weights, at), np.split(bias, at), strict=True)):
        twin = copy.copy(producer)
        name = f"{layer.name}_{number}"
        shape = (*network.shape(layer.output)[:-1], len(rows))
        operands = [
            network.add_tensor(f"{name}_{kind}", value, value.shape)
            for kind, value in (("weights", rows), ("bias", shift))
        ]
        parts.append(network.add_tensor(name, None, shape))
        twin.inputs = np.array([layer.input, *operands], np.int32)
        twin.outputs = np.array(parts[-1:], np.int32)
        twins.append(twin)
    operators = list(network.graph.operators)
    operators[layer.position : layer.position + 1] = twins
    network.graph.operators = operators
    return parts
