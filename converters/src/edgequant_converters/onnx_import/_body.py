"""Graphs inside the graph: the branches of an IF, and the rounds of a WHILE."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from edgequant_converters.ir import Builder, Graph, Tensor

from ._node import Node


class Body:
    """A graph that is being built, whose inputs are the `own` ones and then the tensors from outside that it reads."""

    def __init__(self, own: Sequence[Tensor], name: str) -> None:
        self.graph = Graph(name=name)
        self.build = Builder(self.graph)
        self.build.scope = name
        self.graph.inputs = [_stand_in(tensor) for tensor in own]
        self.own = list(self.graph.inputs)
        self._captured: dict[Tensor, Tensor] = {}

    @property
    def outside(self) -> list[Tensor]:
        """The tensors from outside, in the order of the inputs that stand for them."""
        return list(self._captured)

    def capture(self, tensor: Tensor) -> Tensor:
        """Return what stands for a tensor from outside: a constant is itself."""
        if tensor.is_constant:
            return tensor
        if tensor not in self._captured:
            self._captured[tensor] = _stand_in(tensor)
            self.graph.inputs.append(self._captured[tensor])
        return self._captured[tensor]

    def give(self, outputs: Sequence[Tensor]) -> None:
        """Make these the graph's outputs; what is no operator's own output yet, or given out already, is copied."""
        for tensor in outputs:
            fresh = not tensor.is_constant and tensor not in self.graph.inputs and tensor not in self.graph.outputs
            self.graph.outputs.append(tensor if fresh else _copied(self.build, tensor))


def _stand_in(tensor: Tensor) -> Tensor:
    return Tensor(tensor.name, tensor.shape, tensor.type)


def _copied(build: Builder, tensor: Tensor) -> Tensor:
    shape = build.constant(tensor.shape, np.int32)
    return build.op("RESHAPE", [tensor, shape], tensor.shape, newShape=list(tensor.shape))


Step = Callable[[Body, Tensor, list[Tensor]], Sequence[Tensor]]
"""Takes a round's body, its number (INT32) and what goes round; returns what goes round next.

If there is a condition, it is the first of these.
"""


def repeat(
    node: Node, build: Builder, count: int | None, carried: Sequence[Tensor], step: Step, *, conditional: bool = False
) -> list[Tensor]:
    """Append a WHILE of `count` rounds at most (None: no end); return what went round last.

    With `conditional`, the first of the values that go round is a BOOL: False ends the loop before a round.
    """
    number = build.constant(0, np.int32)
    body = Body([number, *carried], f"{build.scope}/body")
    index, *inner = body.own
    following = list(step(body, index, inner))
    for before, after in zip(inner, following, strict=True):
        if (before.shape, before.type) != (after.shape, after.type):
            node.refuse(
                f"a value that changes from {before.type}{list(before.shape)} to {after.type}{list(after.shape)}"
            )
    one = body.build.like(1, index)
    outside = body.outside
    body.give([body.build.add(index, one), *following])
    body.graph.outputs += [body.capture(tensor) for tensor in outside]
    values = [number, *carried, *outside]
    condition = _condition(values, count, f"{build.scope}/condition", conditional=conditional)
    options = {"condSubgraphIndex": node.add_graph(condition), "bodySubgraphIndex": node.add_graph(body.graph)}
    made = build.ops("WHILE", values, [(tensor.shape, tensor.type) for tensor in values], **options)
    return made[1 : 1 + len(carried)]


def _condition(values: Sequence[Tensor], count: int | None, name: str, *, conditional: bool) -> Graph:
    check = Body(values, name)
    build = check.build
    terms = []
    if count is not None:
        terms.append(build.binary("LESS", check.own[0], build.like(count, check.own[0])))
    if conditional:
        terms.append(build.reshape(check.own[1], ()))
    check.give([build.binary("LOGICAL_AND", *terms) if len(terms) == 2 else terms[0]])
    return check.graph


def take(build: Builder, x: Tensor, index: Tensor, axis: int = 0) -> Tensor:
    """Return the slice of x at an index along an axis, which vanishes."""
    return build.gather(x, index, axis)


def put(build: Builder, x: Tensor, part: Tensor, index: Tensor) -> Tensor:
    """Return x with a part in the place of its slice at an index of the first axis."""
    rest = build.constant([0] * part.rank, np.int32)
    start = [build.reshape(index, (1,)), rest] if part.rank else [build.reshape(index, (1,))]
    places: list[Any] = [x, build.reshape(part, (1, *part.shape)), build.concat(start, 0)]
    return build.op("DYNAMIC_UPDATE_SLICE", places, x.shape)
