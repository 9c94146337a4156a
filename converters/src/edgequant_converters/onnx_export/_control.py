"""IF and WHILE as If and Loop: their graphs see the values around them by name."""

from collections.abc import Sequence

import onnx
from onnx import helper

from edgequant_converters.ir import Graph, Operator, Tensor

from ._registry import RefusedOperatorError, writes
from ._writer import Writer, value_info


@writes("IF")
def branch(writer: Writer, operator: Operator) -> None:
    """Write a choice between two graphs."""
    condition, *given = (writer.value(tensor) for tensor in operator.given)
    bodies = []
    for option in ("thenSubgraphIndex", "elseSubgraphIndex"):
        graph = writer.model.graphs[operator.options[option]]
        inner = Writer(writer.model, writer.names)
        made = _written(inner, graph, given)
        bodies.append(_body(inner, graph.name, [], graph.outputs, _fresh(inner, made)))
    made = writer.nodes_of("If", [condition], len(operator.outputs), then_branch=bodies[0], else_branch=bodies[1])
    for tensor, name in zip(operator.outputs, made, strict=True):
        writer.set(tensor, name)


@writes("WHILE")
def loop(writer: Writer, operator: Operator) -> None:
    """Write rounds: ONNX asks its condition behind a round, so it is computed once before the first."""
    condition, body = (
        writer.model.graphs[operator.options[option]] for option in ("condSubgraphIndex", "bodySubgraphIndex")
    )
    given = [writer.value(tensor) for tensor in operator.given]
    (start,) = _written(writer, condition, given)
    inner = Writer(writer.model, writer.names)
    carried = [inner.names.new(f"{body.name}/{tensor.name}") for tensor in body.inputs]
    following = _fresh(inner, _written(inner, body, carried))
    (again,) = _fresh(inner, _written(inner, condition, following))
    number, before = inner.names.new("round"), inner.names.new("goes_on")
    inputs = [
        helper.make_tensor_value_info(number, onnx.TensorProto.INT64, []),
        helper.make_tensor_value_info(before, onnx.TensorProto.BOOL, []),
        *(value_info(tensor, name) for tensor, name in zip(body.inputs, carried, strict=True)),
    ]
    again = inner.node("Reshape", [again, inner.ints([])])
    graph = _body(inner, body.name, inputs, [*condition.outputs, *body.outputs], [again, *following])
    graph.output[0].type.tensor_type.shape.Clear()
    first = writer.node("Reshape", [start, writer.ints([])])
    made = writer.nodes_of("Loop", ["", first, *given], len(given), body=graph)
    for tensor, name in zip(operator.outputs, made, strict=True):
        writer.set(tensor, name)


def _written(writer: Writer, graph: Graph, inputs: Sequence[str]) -> list[str]:
    """Write a graph's operators on these values; return those of its outputs."""
    for tensor, name in zip(graph.inputs, inputs, strict=True):
        writer.bind(tensor, name)
    writer.walk(graph)
    if writer.refused:
        raise RefusedOperatorError("; ".join(writer.refused))
    return [writer.value(tensor) for tensor in graph.outputs]


def _fresh(writer: Writer, names: Sequence[str]) -> list[str]:
    """Return values that the graph itself computes: what only passes through would be a name from outside."""
    return [writer.node("Identity", [name]) for name in names]


def _body(
    writer: Writer, name: str, inputs: Sequence[onnx.ValueInfoProto], outputs: Sequence[Tensor], names: Sequence[str]
) -> onnx.GraphProto:
    results = [value_info(tensor, made) for tensor, made in zip(outputs, names, strict=True)]
    return helper.make_graph(writer.nodes, name or "body", list(inputs), results, writer.initializers)
