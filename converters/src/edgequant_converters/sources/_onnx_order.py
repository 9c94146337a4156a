"""Give the graphs that tf2onnx writes one order and one set of names.

tf2onnx walks Python sets of objects, whose order follows memory addresses: without this, one network gives other bytes
each time. Only the order of the nodes and the names inside the graph change.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from edgequant_runtime import unique_names
from onnx import GraphProto, ModelProto, NodeProto

from ._onnx_names import graphs_of, rename_values

_GENERATED = re.compile(r"__\d+$|einsum\d{6,}")


def settle(model: ModelProto) -> None:
    """Order the nodes by depth-first search from the outputs, and name what lies between after its node.

    Nodes keep the names that come from the network ("net/dense_1/MatMul"); generated ones are numbered anew. What no
    output depends on is dropped.
    """
    graph = model.graph
    _replace(graph.node, _in_order(graph))
    kept = [node.op_type if not node.name or _GENERATED.search(node.name) else node.name for node in graph.node]
    for node, name in zip(graph.node, unique_names(kept), strict=True):
        node.name = name
        _replace(node.attribute, sorted(node.attribute, key=lambda attribute: attribute.name))
    rename_values(graph, _names_after_nodes(graph))
    used = {name: position for position, name in enumerate(_used_values(graph))}
    _replace(graph.initializer, sorted((i for i in graph.initializer if i.name in used), key=lambda i: used[i.name]))
    del graph.value_info[:]  # shape inference makes it again


def _in_order(graph: GraphProto) -> list[NodeProto]:
    nodes = list(graph.node)
    producer = {name: index for index, node in enumerate(nodes) for name in node.output}
    needs = [[producer[name] for name in _inputs(node) if name in producer] for node in nodes]
    done: dict[int, None] = {}
    stack = [producer[value.name] for value in reversed(graph.output) if value.name in producer]
    while stack:
        waiting = [index for index in needs[stack[-1]] if index not in done]
        if waiting:
            stack.append(waiting[0])
        else:
            done[stack.pop()] = None
    return [nodes[index] for index in done]


def _inputs(node: NodeProto) -> Iterator[str]:
    """Yield the values a node reads, those that the graphs inside it read from outside included."""
    yield from node.input
    for attribute in node.attribute:
        for inner in (attribute.g, *attribute.graphs):
            yield from _used_values(inner)


def _used_values(graph: GraphProto) -> list[str]:
    return [name for inner in graphs_of(graph) for node in inner.node for name in node.input]


def _names_after_nodes(graph: GraphProto) -> dict[str, str]:
    fixed = {value.name for value in (*graph.input, *graph.output)}
    renamed: dict[str, str] = {"": ""}  # an input that is left out
    for node in graph.node:
        for position, name in enumerate(node.output):
            renamed.setdefault(name, f"{node.name}:{position}")
    constants = {initializer.name for initializer in graph.initializer}
    for node in graph.node:
        for position, name in enumerate(_inputs(node)):
            if name in constants:
                renamed.setdefault(name, f"{node.name}/constant_{position}")
    return {old: new for old, new in renamed.items() if old not in fixed}


def _replace(field: Any, values: Iterable[Any]) -> None:
    kept = list(values)
    del field[:]
    field.extend(kept)
