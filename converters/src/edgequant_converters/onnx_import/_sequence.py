"""Sequences of tensors: their parts are known one by one while a graph is read, and nothing of them is left."""

from dataclasses import dataclass, field

import numpy as np

from edgequant_converters.ir import Builder, Tensor

from ._node import Node
from ._registry import lowers


@dataclass(eq=False, slots=True)
class SequenceTensor(Tensor):
    """A sequence: it stands where ONNX has its name, and no operator may read it."""

    parts: list[Tensor] = field(default_factory=list)


SEQUENCE_OPERATORS = frozenset({
    "ConcatFromSequence", "Identity", "SequenceAt", "SequenceConstruct", "SequenceEmpty", "SequenceErase",
    "SequenceInsert", "SequenceLength", "SplitToSequence",
})  # fmt: skip
"""The operators that take or make sequences."""


def _made(build: Builder, parts: list[Tensor]) -> SequenceTensor:
    return SequenceTensor(f"{build.scope}/sequence", (), parts=parts)


def _parts(node: Node) -> list[Tensor]:
    sequence = node.input(0)
    if not isinstance(sequence, SequenceTensor):
        node.refuse("a sequence that the model takes from outside")
    return list(sequence.parts)


def _position(node: Node, index: int, count: int) -> int:
    place = int(node.constant(index).item())
    if not -count <= place < count:
        node.refuse(f"position {place} of a sequence of {count}")
    return place % count


@lowers("SequenceConstruct", "SequenceEmpty")
def construct(node: Node, build: Builder) -> Tensor:
    """Return a sequence of the inputs."""
    return _made(build, [node.input(index) for index in range(len(node.inputs))])


@lowers("SequenceAt")
def part_at(node: Node, build: Builder) -> Tensor:
    """Return the part at a position."""
    parts = _parts(node)
    return parts[_position(node, 1, len(parts))]


@lowers("SequenceLength")
def length(node: Node, build: Builder) -> Tensor:
    """Return the number of parts."""
    return build.constant(len(_parts(node)), np.int64)


@lowers("SequenceInsert")
def insert(node: Node, build: Builder) -> Tensor:
    """Return the sequence with a part more, before a position or at the end."""
    parts = _parts(node)
    place = _position(node, 2, len(parts) + 1) if node.has_input(2) else len(parts)
    return _made(build, [*parts[:place], node.input(1), *parts[place:]])


@lowers("SequenceErase")
def erase(node: Node, build: Builder) -> Tensor:
    """Return the sequence without a part: that at a position, or the last."""
    parts = _parts(node)
    place = _position(node, 1, len(parts)) if node.has_input(1) else len(parts) - 1
    return _made(build, [part for index, part in enumerate(parts) if index != place])


@lowers("SplitToSequence")
def split(node: Node, build: Builder) -> Tensor:
    """Cut a tensor along an axis: into parts of the named sizes, of one size of which the last may be smaller, or of 1.

    Parts of size 1 lose the axis if no size is named and keepdims is 0.
    """
    x, axis = node.input(0), node.get("axis", 0) % node.input(0).rank
    total = x.shape[axis]
    if node.has_input(1):
        named = node.constant(1)
        size = int(named.item()) if named.ndim == 0 else 0
        sizes = [min(size, total - at) for at in range(0, total, size)] if size else [int(n) for n in named]
    else:
        sizes = [1] * total
    parts, begin = [], 0
    for size in sizes:
        begins, shape = [0] * x.rank, list(x.shape)
        begins[axis], shape[axis] = begin, size
        part = build.slice(x, begins, shape)
        dropped = not node.has_input(1) and not node.get("keepdims", 1)
        parts.append(build.reshape(part, shape[:axis] + shape[axis + 1 :]) if dropped else part)
        begin += size
    return _made(build, parts)


@lowers("ConcatFromSequence")
def concat(node: Node, build: Builder) -> Tensor:
    """Join the parts along an axis, which is a new one if the node says so."""
    parts, axis = _parts(node), node.attributes["axis"]
    if not node.get("new_axis", 0):
        return build.concat(parts, axis)
    place = axis % (parts[0].rank + 1)
    return build.concat([build.reshape(p, (*p.shape[:place], 1, *p.shape[place:])) for p in parts], place)
