"""Which outputs of a graph's nodes anything reads: exporters name those that nothing does, too."""

from collections.abc import Set

import onnx


def read_names(graph: onnx.GraphProto) -> set[str]:
    """Return the names that nodes, the bodies in their attributes, and the graph's own outputs read."""
    found = {value.name for value in graph.output}
    for node in graph.node:
        found.update(node.input)
        for attribute in node.attribute:
            for body in (attribute.g, *attribute.graphs):
                found |= read_names(body)
    return found


def without_unread(node: onnx.NodeProto, read: Set[str]) -> onnx.NodeProto:
    """Return a node that leaves out what nothing reads of its outputs after the first, such as an LSTM's last cells."""
    if all(name in read for name in list(node.output)[1:]):
        return node
    spared = onnx.NodeProto()
    spared.CopyFrom(node)
    spared.output[1:] = [name if name in read else "" for name in list(node.output)[1:]]
    return spared if any(spared.output) else node
