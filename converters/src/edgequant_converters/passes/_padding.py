"""Padding stands right before the layer that reads it, where engines let the layer do it."""

from edgequant_converters.ir import Graph, constant, permuted

from ._orders import order_of


def pad_after_transposing(graph: Graph) -> None:
    """Let a transposition of a padded tensor, which nothing else reads, be a padding of the transposed one."""
    producers, users = graph.producers(), graph.users()
    for index, transpose in enumerate(graph.operators):
        order = order_of(transpose)
        pad = producers.get(transpose.given[0]) if order is not None else None
        if order is None or pad is None or pad.code not in ("PAD", "PADV2") or pad.output in graph.outputs:
            continue
        amounts = pad.given[1]
        if len(users[pad.output]) > 1 or not amounts.is_constant:
            continue
        x, between, made = pad.given[0], pad.output, transpose.output
        place = graph.operators.index(pad)
        graph.operators[place], graph.operators[index] = transpose, pad
        transpose.inputs[0], transpose.outputs[0] = x, between
        pad.inputs[0], pad.outputs[0] = between, made
        pad.inputs[1] = constant(amounts.name, amounts.values[list(order)])
        between.shape = permuted(x.shape, order)
        producers[between], producers[made] = transpose, pad
        users[x] = [transpose if operator is pad else operator for operator in users[x]]
        users[between] = [pad]
