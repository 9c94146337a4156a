"""Chains of reshapes and transpositions: whatever one moves, one reshape, one transposition and one reshape do it.

Each axis of a chain's input is split into the factors at which any link of the chain cuts it. In those factors every
RESHAPE is nothing, every TRANSPOSE an order, and so is the whole chain. Frameworks write such chains for channel
shuffles, for windows of an image and back, and for pixels that become patches.
"""

from collections.abc import Sequence

import numpy as np

from edgequant_converters.ir import Graph, Operator, Shape, Tensor, constant, permuted

from ._orders import Order, is_identity, moves_nothing, order_of

MOST_AXES = 6
"""LiteRT transposes no more."""


def join_chains(graph: Graph) -> None:
    """Write every chain with two transpositions or more as one of them between two reshapes, in place."""
    producers, users = graph.producers(), graph.users()
    replaced: dict[Operator, list[Operator]] = {}
    for operator in graph.operators:
        if order_of(operator) is None or _reads_on(operator, users, graph.outputs):
            continue
        chain = _chain_to(operator, producers, users, graph.outputs)
        if sum(not _stays(link) for link in chain) < 2 or not all(_is_sized(link) for link in chain):
            continue
        joined = _joined(chain)
        if joined is not None:
            for link in chain:
                replaced[link] = []
            replaced[operator] = joined
    graph.operators = [new for old in graph.operators for new in replaced.get(old, [old])]


def _is_link(operator: Operator | None) -> bool:
    return operator is not None and (operator.code == "RESHAPE" or order_of(operator) is not None)


def _is_sized(operator: Operator) -> bool:
    return operator.given[0].size > 0 and min(operator.output.shape, default=1) > 0


def _stays(operator: Operator) -> bool:
    order = order_of(operator)
    return order is None or moves_nothing(operator.given[0].shape, order)


def _reads_on(operator: Operator, users: dict[Tensor, list[Operator]], outputs: Sequence[Tensor]) -> bool:
    """Tell whether a chain goes on to another transposition behind this one, which nobody else reads."""
    made = operator.output
    while made not in outputs and len(readers := users.get(made, [])) == 1 and _is_link(readers[0]):
        if order_of(readers[0]) is not None:
            return True
        made = readers[0].output
    return False


def _chain_to(
    last: Operator, producers: dict[Tensor, Operator], users: dict[Tensor, list[Operator]], outputs: Sequence[Tensor]
) -> list[Operator]:
    """Return the links up to the last, from the first one on; nobody reads what lies between them."""
    chain = [last]
    while True:
        x = chain[0].given[0]
        source = producers.get(x)
        if source is None or not _is_link(source) or x in outputs or len(users[x]) > 1:
            return chain
        chain.insert(0, source)


def _joined(chain: Sequence[Operator]) -> list[Operator] | None:
    """Return the operators that do what the chain does; None if one link cuts across what another has joined."""
    factors, x, made = _Factors(chain[0].given[0].shape), chain[0].given[0], chain[-1].output
    for link in chain:
        order = order_of(link)
        if order is not None:
            factors.transpose(order)
        elif not factors.reshape(link.output.shape):
            return None
    fine, order = factors.order()
    if len(fine) > MOST_AXES:
        return None
    if is_identity(order):
        return [_reshape(x, made)]
    split = Tensor(f"{made.name}/split", fine, x.type, quantization=x.quantization)
    turned = Tensor(f"{made.name}/turned", permuted(fine, order), x.type, quantization=x.quantization)
    numbers = constant("numbers", np.array(order, np.int32))
    return [_reshape(x, split), Operator("TRANSPOSE", [split, numbers], [turned]), _reshape(turned, made)]


def _reshape(x: Tensor, made: Tensor) -> Operator:
    shape = constant("shape", np.array(made.shape, np.int32))
    return Operator("RESHAPE", [x, shape], [made], {"newShape": list(made.shape)})


class _Factors:
    """The axes of a tensor on its way through a chain, each as factors of the axes of the chain's input."""

    def __init__(self, shape: Shape) -> None:
        self._sizes = list(shape)
        self._source = list(range(len(shape)))
        self._axes = [[axis] for axis in self._source]

    def transpose(self, order: Order) -> None:
        self._axes = [self._axes[axis] for axis in order]

    def reshape(self, shape: Shape) -> bool:
        """Deal the factors out to the axes of a shape; False if a factor cannot be split where an axis ends."""
        flat = [factor for axis in self._axes for factor in axis if self._sizes[factor] != 1]
        dealt: list[list[int]] = []
        for size in shape:
            axis: list[int] = []
            while size > 1:
                if not flat:
                    return False
                factor = flat.pop(0)
                if self._sizes[factor] > size:
                    if self._sizes[factor] % size:
                        return False
                    flat.insert(0, self._split(factor, size))
                elif size % self._sizes[factor]:
                    return False
                size //= self._sizes[factor]
                axis.append(factor)
            dealt.append(axis)
        self._axes = dealt
        return not flat

    def _split(self, factor: int, outer: int) -> int:
        inner = len(self._sizes)
        self._sizes.append(self._sizes[factor] // outer)
        self._sizes[factor] = outer
        self._source.insert(self._source.index(factor) + 1, inner)
        return inner

    def order(self) -> tuple[Shape, Order]:
        """Return the input's shape in factors, those that stay together as one, and the order that they take."""
        source = [factor for factor in self._source if self._sizes[factor] != 1]
        places = [source.index(factor) for axis in self._axes for factor in axis if self._sizes[factor] != 1]
        runs: list[list[int]] = []
        for place in places:
            if runs and runs[-1][-1] + 1 == place:
                runs[-1].append(place)
            else:
                runs.append([place])
        ranked = sorted(range(len(runs)), key=lambda run: runs[run][0])
        sizes = [int(np.prod([self._sizes[source[place]] for place in runs[run]])) for run in ranked]
        return tuple(sizes), tuple(ranked.index(run) for run in range(len(runs)))
