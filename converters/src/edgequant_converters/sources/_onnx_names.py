"""The names of the values in an ONNX model."""

from collections.abc import Iterator, Sequence

from onnx import GraphProto, ModelProto


def rename_onnx_io(model: ModelProto, input_names: Sequence[str], output_names: Sequence[str]) -> None:
    """Give the graph's inputs and outputs these names, in the graph's order and in place.

    An inner value that has one of these names already gets another. Raises ValueError if the numbers differ.
    """
    values = [*model.graph.input, *model.graph.output]
    wanted = [*input_names, *output_names]
    renamed = {value.name: name for value, name in zip(values, wanted, strict=True)}
    for name in set(wanted) - set(renamed):
        renamed[name] = f"{name}_inner"
    rename_values(model.graph, renamed)


def rename_values(graph: GraphProto, renamed: dict[str, str]) -> None:
    """Rename values wherever they are made or used, in the graphs inside nodes too."""
    for inner in graphs_of(graph):
        _rename(inner, renamed)


def _rename(graph: GraphProto, renamed: dict[str, str]) -> None:
    for named in (*graph.input, *graph.output, *graph.initializer, *graph.value_info):
        named.name = renamed.get(named.name, named.name)
    for node in graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]


def graphs_of(graph: GraphProto) -> Iterator[GraphProto]:
    """Yield a graph and those inside its nodes (the bodies of Loop and If, which see the outer names)."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                if inner.node:
                    yield from graphs_of(inner)
