"""Tensors that only one function reads, whose ranges are judged by what the function makes of them."""

from collections.abc import Mapping

from edgequant_converters.ir import Graph, Operator, Tensor

from ._masks import FLAT_BELOW, SATURATED


def read_through(graph: Graph) -> dict[str, str]:
    """Return the function, by LiteRT's name or "SILU", of each computed tensor that nothing else reads."""
    users, producers, found = graph.users(), graph.producers(), dict[str, str]()
    for tensor in producers:
        readers = users.get(tensor, [])
        if tensor in graph.outputs or not readers:
            continue
        codes = {reader.code for reader in readers}
        if len(readers) == 1 and codes <= {*SATURATED, *FLAT_BELOW}:
            found[tensor.name] = readers[0].code
        if _is_silu(tensor, readers, users, graph):
            found[tensor.name] = "SILU"
    return found


def function_results(graph: Graph) -> dict[str, tuple[str, str]]:
    """Return, for each result of a function of one tensor that nothing else reads, the tensor and the function."""
    through, found = read_through(graph), dict[str, tuple[str, str]]()
    for operator in graph.operators:
        for tensor in operator.given:
            function = through.get(tensor.name)
            if function is not None and operator.code == ("MUL" if function == "SILU" else function):
                found[operator.output.name] = tensor.name, function
    return found


def _is_silu(tensor: Tensor, readers: list[Operator], users: Mapping[Tensor, list[Operator]], graph: Graph) -> bool:
    """Tell whether a tensor is read by its sigmoid and by the product of both, and the sigmoid by that alone."""
    if sorted(reader.code for reader in readers) != ["LOGISTIC", "MUL"]:
        return False
    gate, product = sorted(readers, key=lambda reader: reader.code)
    inner = gate.output not in graph.outputs and users.get(gate.output) == [product]
    return inner and {*product.given} == {tensor, gate.output}
