"""Writing ONNX files that other programs can open: no newer and no wider than what is in them."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper

from ._whole_resizes import whole_resizes

_DEFAULT_DOMAINS = ("", "ai.onnx")
_LOWEST_IR = 4
"""Before IR version 4 every weight had to be an input too."""
_FUNCTIONS_IR, _OVERLOADS_IR = 8, 10
_TYPES_IR = {
    "FLOAT8E4M3FN": 9, "FLOAT8E4M3FNUZ": 9, "FLOAT8E5M2": 9, "FLOAT8E5M2FNUZ": 9, "UINT4": 10, "INT4": 10,
    "FLOAT4E2M1": 11, "FLOAT8E8M0": 12, "UINT2": 13, "INT2": 13, "FLOAT6E2M3": 14, "FLOAT6E3M2": 14,
}  # fmt: skip
"""The IR version that brought an element type, where it is later than `_LOWEST_IR`."""


def save_onnx(model: ModelProto, path: Path) -> None:
    """Write the model, weights inside, as other programs open it; every .onnx that edgequant writes passes here."""
    _drop_unread(model.graph, whole_resizes(model))
    fit_versions(model)
    onnx.save(model, path)


def _drop_unread(graph: GraphProto, names: AbstractSet[str]) -> None:
    unread = names - {name for node in _nodes(graph) for name in node.input} - {value.name for value in graph.output}
    for tensor in [tensor for tensor in graph.initializer if tensor.name in unread]:
        graph.initializer.remove(tensor)


def fit_versions(model: ModelProto) -> None:
    """Import only the operator sets that are used, with the lowest IR version that can say it all, in place.

    An older ONNX Runtime refuses a file for an operator set or an IR version that it does not know, used or not.
    """
    nodes = list(_nodes(model.graph))
    for function in model.functions:
        inner = [node for outer in function.node for node in (outer, *_inner(outer))]
        _keep_imports(function.opset_import, {node.domain for node in inner})
        nodes += inner
    _keep_imports(model.opset_import, {node.domain for node in nodes})
    model.ir_version = lowest_ir(model)


def lowest_ir(model: ModelProto) -> int:
    """Return the lowest IR version that has the model's operator sets, element types and functions."""
    nodes = [*_nodes(model.graph), *(node for function in model.functions for node in function.node)]
    versions = [_LOWEST_IR, helper.find_min_ir_version_for(list(model.opset_import), ignore_unknown=True)]
    versions += [_TYPES_IR.get(TensorProto.DataType.Name(code), 0) for code in _element_types(model, nodes)]
    versions += [_FUNCTIONS_IR] if model.functions else []
    versions += [_OVERLOADS_IR] if any(node.overload for node in nodes) else []
    return max(versions)


def _keep_imports(imports: Any, used: set[str]) -> None:
    kept = [entry for entry in imports if entry.domain in used or entry.domain in _DEFAULT_DOMAINS]
    del imports[:]
    imports.extend(kept)


def _nodes(graph: GraphProto) -> Iterator[NodeProto]:
    for node in graph.node:
        yield node
        yield from _inner(node)


def _inner(node: NodeProto) -> Iterator[NodeProto]:
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            yield from _nodes(graph)


def _element_types(model: ModelProto, nodes: list[NodeProto]) -> set[int]:
    attributes = [attribute for node in nodes for attribute in node.attribute]
    graphs = [model.graph, *(graph for a in attributes for graph in (a.g, *a.graphs))]
    tensors = [tensor for graph in graphs for tensor in graph.initializer]
    tensors += [tensor for a in attributes for tensor in (a.t, *a.tensors)]
    values = [value for graph in graphs for value in (*graph.input, *graph.output, *graph.value_info)]
    return {tensor.data_type for tensor in tensors} | {value.type.tensor_type.elem_type for value in values}
