"""The operators of a model that nothing here knows, found before any of it is converted."""

from collections.abc import Iterable

import onnx

from ._functions import DOMAINS, has_function
from ._registry import LOWERINGS

_ALWAYS_KNOWN = frozenset({"Constant", "Shape", "Size"})


def unknown_operators(model: onnx.ModelProto) -> list[str]:
    """Return the names of operators without a lowering; what depends on constants alone needs none."""
    opset = next((entry.version for entry in model.opset_import if entry.domain in DOMAINS), 1)
    constants = {tensor.name for tensor in model.graph.initializer} | {""}
    unknown = set()
    for node in model.graph.node:
        if node.domain not in DOMAINS:
            unknown.add(f"{node.domain}.{node.op_type}")
        elif node.op_type in _ALWAYS_KNOWN or constants.issuperset(node.input):
            constants.update(node.output)
        elif node.op_type not in LOWERINGS and not has_function(node.op_type, opset):
            unknown.add(node.op_type)
    return sorted(unknown | _foreign_in_bodies(model.graph.node))


def _foreign_in_bodies(nodes: Iterable[onnx.NodeProto]) -> set[str]:
    """Return the operators of other domains in the bodies of control flow; their nodes are walked by name alone."""
    found = set()
    for node in nodes:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                body = attribute.g.node
                found |= {f"{inner.domain}.{inner.op_type}" for inner in body if inner.domain not in DOMAINS}
                found |= _foreign_in_bodies(body)
    return found
