"""Operators that ONNX's specification defines as functions of other operators, written out as these."""

from collections.abc import Mapping, Sequence
from typing import Any

import onnx
from onnx import AttributeProto, FunctionProto, GraphProto, NodeProto, TypeProto

DOMAINS = ("", "ai.onnx")


def has_function(op_type: str, opset: int) -> bool:
    """Tell whether the specification defines this operator of ONNX's as a function."""
    schema = _schema(op_type, opset)
    return schema is not None and bool(schema.has_function or schema.has_context_dependent_function)


def _schema(op_type: str, opset: int) -> Any:
    """Return what the specification says of an operator; None if it has no such. onnx's stubs lack its functions."""
    try:
        return onnx.defs.get_schema(op_type, opset)
    except onnx.defs.SchemaError:
        return None


def function_nodes(node: NodeProto, types: Sequence[TypeProto], opset: int) -> tuple[list[NodeProto], int] | None:
    """Return the nodes that a node stands for, and the opset that they are of; None if it stands for itself.

    `types` are those of its inputs, empty for one that is left out. Values in between are called after its first
    output.
    """
    found = _function(node, types, opset)
    if found is None:
        return None
    function, version = found
    names = dict(zip(function.input, node.input, strict=False)) | dict(zip(function.output, node.output, strict=False))
    for formal in [*function.input, *function.output]:
        names[formal] = names.get(formal, "") or (f"{_scope(node)}/{formal}" if formal in function.output else "")
    given = {attribute.name: attribute for attribute in node.attribute}
    given = _defaults(node.op_type, opset) | {a.name: a for a in function.attribute_proto} | given
    body = [_renamed(inner, names, _scope(node), given) for inner in function.node]
    own = next((entry.version for entry in function.opset_import if entry.domain in DOMAINS), version)
    return body, own


def _scope(node: NodeProto) -> str:
    return next(str(name) for name in node.output if name)


def _function(node: NodeProto, types: Sequence[TypeProto], opset: int) -> tuple[FunctionProto, int] | None:
    """Return the function, in the version for the newest opset that is not newer than the model's, and that opset."""
    schema = _schema(node.op_type, opset)
    if schema is None:
        return None
    version = _newest(schema.function_opset_versions, opset)
    if version is not None:
        return FunctionProto.FromString(schema.get_function_with_opset_version(version)), version
    version = _newest(schema.context_dependent_function_opset_versions, opset)
    if version is None:
        return None
    data = schema.get_context_dependent_function_with_opset_version(
        version, node.SerializeToString(), [kind.SerializeToString() for kind in types]
    )
    return FunctionProto.FromString(data), version


def _newest(versions: Sequence[int], opset: int) -> int | None:
    return max((version for version in versions if version <= opset), default=min(versions, default=None))


def _defaults(op_type: str, opset: int) -> dict[str, AttributeProto]:
    attributes = onnx.defs.get_schema(op_type, opset).attributes
    return {name: a.default_value for name, a in attributes.items() if a.default_value.name}


def _renamed(node: NodeProto, names: Mapping[str, str], scope: str, given: Mapping[str, AttributeProto]) -> NodeProto:
    """Return a node of a function's body with the caller's names and attributes; bodies of bodies included."""

    def renamed(name: str) -> str:
        return names.get(name, f"{scope}/{name}") if name else ""

    made = NodeProto(op_type=node.op_type, domain=node.domain, name=f"{scope}/{node.name or node.op_type}")
    made.input.extend(renamed(name) for name in node.input)
    made.output.extend(renamed(name) for name in node.output)
    for attribute in node.attribute:
        if attribute.ref_attr_name:
            if attribute.ref_attr_name in given:
                copy = made.attribute.add()
                copy.CopyFrom(given[attribute.ref_attr_name])
                copy.name = attribute.name
            continue
        copy = made.attribute.add()
        copy.CopyFrom(attribute)
        if attribute.type == AttributeProto.GRAPH:
            copy.g.CopyFrom(_renamed_graph(attribute.g, names, scope, given))
    return made


def _renamed_graph(
    graph: GraphProto, names: Mapping[str, str], scope: str, given: Mapping[str, AttributeProto]
) -> GraphProto:
    made = GraphProto()
    made.CopyFrom(graph)
    for value in [*made.input, *made.output, *made.initializer]:
        value.name = names.get(value.name, f"{scope}/{value.name}")
    nodes = [_renamed(node, names, scope, given) for node in graph.node]
    del made.node[:]
    made.node.extend(nodes)
    return made
