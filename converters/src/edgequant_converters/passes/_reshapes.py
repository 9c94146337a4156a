"""Operators that only give the same values another shape."""

from edgequant_converters.ir import Graph, Tensor


def merge_reshapes(graph: Graph) -> None:
    """Let a RESHAPE of a RESHAPE read what the first one read; one to the same shape vanishes where nobody needs it."""
    source: dict[Tensor, Tensor] = {}
    same: dict[Tensor, Tensor] = {}
    kept = []
    for operator in graph.operators:
        operator.inputs = [x if x is None else same.get(x, x) for x in operator.inputs]
        if operator.code == "RESHAPE":
            operator.inputs[0] = source.get(operator.given[0], operator.given[0])
            x, made = operator.given[0], operator.output
            source[made] = x
            if x.shape == made.shape and made not in graph.outputs:
                same[made] = x
                continue
        kept.append(operator)
    graph.operators = kept
