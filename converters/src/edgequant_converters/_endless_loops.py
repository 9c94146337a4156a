"""Loops that never end: an engine that is asked to run one is only stopped by the limit of its time."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

_LONGEST = 10**9
"""Rounds that nobody waits for; PyTorch writes the largest integer where it knows no number."""

_Constants = Mapping[str, NDArray[Any]]


def endless_loop(graph: onnx.GraphProto, outer: _Constants | None = None) -> str | None:
    """Return the name of a Loop, here or in a body, that goes on whatever is in the inputs, if there is one."""
    constants = _constants(graph, outer or {})
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs) if attribute.type in _GRAPHS else ():
                if node.op_type == "Loop" and _goes_on(node, inner, constants):
                    return str(node.name or node.output[0])
                found = endless_loop(inner, constants)
                if found is not None:
                    return found
    return None


def always_true(body: onnx.GraphProto, outer: _Constants | None = None) -> bool:
    """Tell whether the condition that a body gives is the one that it got, or a constant that is true."""
    name, given, constants = body.output[0].name, body.input[1].name, _constants(body, outer or {})
    makers = {output: node for node in body.node for output in node.output}
    while name in makers and makers[name].op_type == "Identity":
        name = makers[name].input[0]
    return name == given or (name in constants and bool(constants[name].all()))


_GRAPHS = (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS)


def _goes_on(loop: onnx.NodeProto, body: onnx.GraphProto, constants: _Constants) -> bool:
    most, start = (loop.input[place] if place < len(loop.input) else "" for place in (0, 1))
    if most and (most not in constants or constants[most].max(initial=0) < _LONGEST):
        return False
    starts = not start or (start in constants and bool(constants[start].all()))
    return starts and always_true(body, constants)


def _constants(graph: onnx.GraphProto, outer: _Constants) -> dict[str, NDArray[Any]]:
    """Return the constants of one value that are seen in a graph; a name of its own hides an outer one."""
    own = {name for node in graph.node for name in node.output} | {value.name for value in graph.input}
    found = {name: value for name, value in outer.items() if name not in own}
    found |= {tensor.name: value for tensor in graph.initializer for value in _single(tensor)}
    for node in graph.node:
        if node.op_type == "Constant":
            found.update((node.output[0], value) for a in node.attribute for value in _values(a))
        elif node.op_type == "Identity" and node.input[0] in found:
            found[node.output[0]] = found[node.input[0]]
    return found


def _values(attribute: onnx.AttributeProto) -> Iterator[NDArray[Any]]:
    if attribute.name == "value":
        yield from _single(attribute.t)
    elif attribute.name in ("value_int", "value_ints"):
        yield np.asarray(onnx.helper.get_attribute_value(attribute), np.int64)


def _single(tensor: onnx.TensorProto) -> Iterator[NDArray[Any]]:
    """Yield the value of a tensor that has one, and has it here: weights are not to be unpacked for this."""
    if math.prod(tensor.dims) == 1 and tensor.data_location != onnx.TensorProto.EXTERNAL:
        yield numpy_helper.to_array(tensor)
