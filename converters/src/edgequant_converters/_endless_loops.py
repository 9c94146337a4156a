"""Loops that never end: an engine that is asked to run one is only stopped by the limit of its time."""

from collections.abc import Iterator, Mapping

import onnx
from onnx import numpy_helper

_LONGEST = 2**31
"""Rounds that nobody waits for; PyTorch writes the largest integer where it knows no number."""


def endless_loop(graph: onnx.GraphProto, outer: Mapping[str, onnx.TensorProto] | None = None) -> str | None:
    """Return the name of a Loop, here or in a body, that goes on whatever is in the inputs, if there is one."""
    constants = {**(outer or {}), **dict(_constants(graph))}
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs) if attribute.type in _GRAPHS else ():
                if node.op_type == "Loop" and _goes_on(node, inner, constants):
                    return str(node.name or node.output[0])
                found = endless_loop(inner, constants)
                if found is not None:
                    return found
    return None


def always_true(body: onnx.GraphProto) -> bool:
    """Tell whether the condition that a body gives is the one that it got, or a constant that is true."""
    name, given, constants = body.output[0].name, body.input[1].name, dict(_constants(body))
    makers = {output: node for node in body.node for output in node.output}
    while name in makers and makers[name].op_type == "Identity":
        name = makers[name].input[0]
    return name == given or (name in constants and bool(numpy_helper.to_array(constants[name]).all()))


_GRAPHS = (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS)


def _goes_on(loop: onnx.NodeProto, body: onnx.GraphProto, constants: Mapping[str, onnx.TensorProto]) -> bool:
    most, start = (loop.input[place] if place < len(loop.input) else "" for place in (0, 1))
    if most and (most not in constants or numpy_helper.to_array(constants[most]).max(initial=0) < _LONGEST):
        return False
    starts = not start or (start in constants and bool(numpy_helper.to_array(constants[start]).all()))
    return starts and always_true(body)


def _constants(graph: onnx.GraphProto) -> Iterator[tuple[str, onnx.TensorProto]]:
    yield from ((tensor.name, tensor) for tensor in graph.initializer)
    for node in graph.node:
        if node.op_type == "Constant":
            yield from ((node.output[0], a.t) for a in node.attribute if a.name == "value")
