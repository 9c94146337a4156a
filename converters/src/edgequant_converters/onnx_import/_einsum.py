"""Einsum: products of matrices for labels that are summed over, of elements for those that are not."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from edgequant_converters.ir import Builder, Tensor

from ._node import Node
from ._registry import lowers

_Labels = list[str]


@lowers("Einsum")
def einsum(node: Node, build: Builder) -> Tensor:
    """Multiply the inputs and sum over the labels that the output does not have."""
    operands = [node.input(index) for index in range(len(node.inputs))]
    terms, wanted = _parsed(str(node.attributes["equation"]), [x.rank for x in operands])
    sizes: dict[str, int] = {}
    for x, labels in zip(operands, terms, strict=True):
        for label, size in zip(labels, x.shape, strict=True):
            known = sizes.get(label, 1)
            sizes[label] = -1 if min(known, size) < 0 else max(known, size)
    parts = [_plain(build, x, labels, sizes) for x, labels in zip(operands, terms, strict=True)]
    made, labels = parts[0]
    for index, (x, others) in enumerate(parts[1:], 1):
        kept = {*wanted, *(label for _, later in parts[index + 1 :] for label in later)}
        left = _summed(build, made, labels, {*kept, *others})
        right = _summed(build, x, others, {*kept, *labels})
        made, labels = _product(build, left, right, kept)
    made, labels = _summed(build, made, labels, set(wanted))
    missing = [label for label in wanted if label not in labels]
    made, labels = build.reshape(made, (*made.shape, *[1] * len(missing))), [*labels, *missing]
    ordered = build.transpose(made, [labels.index(label) for label in wanted])
    return build.broadcast_to(ordered, [sizes[label] for label in wanted])


def _parsed(equation: str, ranks: Sequence[int]) -> tuple[list[_Labels], _Labels]:
    """Return the labels of each input and of the output; "..." becomes labels of its own, aligned at the end."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    texts = left.split(",")
    hidden = max((rank - len(text) + 3 for text, rank in zip(texts, ranks, strict=True) if "..." in text), default=0)

    def labels(text: str, count: int) -> _Labels:
        before, dots, after = text.partition("...")
        return [*before, *([f"...{i}" for i in range(hidden - count, hidden)] if dots else []), *after]

    terms = [labels(text, rank - len(text) + 3) for text, rank in zip(texts, ranks, strict=True)]
    if arrow:
        return terms, labels(right, hidden)
    every = [label for term in terms for label in term]
    once = sorted({label for label in every if every.count(label) == 1 and len(label) == 1})
    return terms, [*[f"...{i}" for i in range(hidden)], *once]


def _plain(build: Builder, x: Tensor, labels: _Labels, sizes: dict[str, int]) -> tuple[Tensor, _Labels]:
    """Return an input with every label once, and without those along which it has one element for many."""
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            x, labels = _diagonal(build, x, labels, label)
    kept = [label for label, size in zip(labels, x.shape, strict=True) if size == sizes[label]]
    return build.reshape(x, [size for label, size in zip(labels, x.shape, strict=True) if label in kept]), kept


def _diagonal(build: Builder, x: Tensor, labels: _Labels, label: str) -> tuple[Tensor, _Labels]:
    first = labels.index(label)
    second = labels.index(label, first + 1)
    rest = [axis for axis in range(x.rank) if axis not in (first, second)]
    size = x.shape[first]
    shape = [x.shape[axis] for axis in rest]
    flat = build.reshape(build.transpose(x, [*rest, first, second]), [*shape, size * size])
    indices = build.constant(np.arange(size) * (size + 1), np.int32)
    return build.gather(flat, indices, len(rest)), [*(labels[axis] for axis in rest), label]


def _summed(build: Builder, x: Tensor, labels: _Labels, kept: set[str]) -> tuple[Tensor, _Labels]:
    """Return an operand summed over the labels that nothing else has."""
    axes = [axis for axis, label in enumerate(labels) if label not in kept]
    return build.reduce("SUM", x, axes, keep=False), [label for label in labels if label in kept]


def _product(
    build: Builder, left: tuple[Tensor, _Labels], right: tuple[Tensor, _Labels], kept: set[str]
) -> tuple[Tensor, _Labels]:
    (x, of_x), (y, of_y) = left, right
    shared = [label for label in of_x if label in of_y and label in kept]
    summed = [label for label in of_x if label in of_y and label not in kept]
    rows = [label for label in of_x if label not in of_y]
    columns = [label for label in of_y if label not in of_x]
    if not summed:
        return _elementwise(build, x, of_x, y, of_y, [*shared, *rows, *columns])
    x = build.transpose(x, [of_x.index(label) for label in [*shared, *rows, *summed]])
    y = build.transpose(y, [of_y.index(label) for label in [*shared, *summed, *columns]])
    batch, many = x.shape[: len(shared)], x.shape[len(shared) : len(shared) + len(rows)]
    last = y.shape[len(shared) + len(summed) :]
    inner = _size(x.shape[len(shared) + len(rows) :])
    if not shared and y.is_constant:
        weights = build.transpose(build.reshape(y, (inner, _size(last))), (1, 0))
        made = build.fully_connected(build.reshape(x, (_size(many), inner)), weights)
    else:
        matrix = build.reshape(x, (_size(batch), _size(many), inner))
        made = build.batch_matmul(matrix, build.reshape(y, (_size(batch), inner, _size(last))))
    return build.reshape(made, (*batch, *many, *last)), [*shared, *rows, *columns]


def _size(shape: Sequence[int]) -> int:
    return -1 if min(shape, default=1) < 0 else prod(shape)


def _elementwise(
    build: Builder, x: Tensor, of_x: _Labels, y: Tensor, of_y: _Labels, labels: _Labels
) -> tuple[Tensor, _Labels]:
    aligned: list[Any] = []
    for tensor, own in ((x, of_x), (y, of_y)):
        present = [label for label in labels if label in own]
        ordered = build.transpose(tensor, [own.index(label) for label in present])
        sizes = dict(zip(present, ordered.shape, strict=True))
        aligned.append(build.reshape(ordered, [sizes.get(label, 1) for label in labels]))
    return build.mul(aligned[0], aligned[1]), labels
