"""What an exporter notes down in an ONNX file besides the network: stack traces with the author's paths among it."""

import onnx


def drop_exporter_notes(model: onnx.ModelProto) -> None:
    """Remove the metadata of nodes, values and weights, in place.

    PyTorch's exporter writes source files and lines there: a model would carry its author's folders to every device,
    and have other bytes when it is made in another folder.
    """
    graph = model.graph
    called = [node for function in model.functions for node in function.node]
    values = (*graph.value_info, *graph.input, *graph.output)
    for part in (graph, *graph.node, *values, *graph.initializer, *model.functions, *called):
        del part.metadata_props[:]
