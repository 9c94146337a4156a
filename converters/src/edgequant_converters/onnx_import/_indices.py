"""Indices from the front, and indices into a tensor without axes."""

from collections.abc import Sequence
from math import prod

import numpy as np

from edgequant_converters.ir import Builder, Tensor

_NEVER_NEGATIVE = frozenset({"ARG_MAX", "ARG_MIN", "FLOOR_MOD", "RANGE", "TOPK_V2", "WHERE"})


def from_front(build: Builder, indices: Tensor, sizes: int | Sequence[int]) -> Tensor:
    """Return indices that may count from the back as such from the front; `sizes` are the axis's, or one for each.

    A remainder, for one operator is fewer than three; constants are INT32.
    """
    size = build.constant(sizes, np.int32 if indices.is_constant else indices.dtype)
    if indices.is_constant:
        return build.constant(np.mod(indices.values, size.values), np.int32, indices.name)
    producer = next((op for op in reversed(build.graph.operators) if indices in op.outputs), None)
    if producer is not None and producer.code in _NEVER_NEGATIVE:
        return indices
    return build.binary("FLOOR_MOD", indices, size)


def flat_elements(build: Builder, indices: Tensor, shape: Sequence[int], axis: int) -> Tensor:
    """Return where in a flattened tensor of this shape the elements are, whose index on one axis is given.

    On the other axes it is the element's own (ONNX: GatherElements, ScatterElements).
    """
    stride = prod(shape[axis + 1 :])
    own = np.zeros(indices.shape, np.int64)
    for other, grid in enumerate(np.indices(indices.shape, sparse=True)):
        if other != axis:
            own = own + grid * prod(shape[other + 1 :])
    flat = build.cast(from_front(build, indices, shape[axis]), "INT32")
    if stride != 1:
        flat = build.mul(flat, build.like(stride, flat))
    return build.add(flat, build.constant(own, flat.dtype)) if own.any() else flat


def flat_rows(build: Builder, indices: Tensor, shape: Sequence[int], batch: int) -> Tensor:
    """Return which row of a tensor with these axes joined each tuple of indices (last axis) names.

    The first `batch` axes are not in the tuples: they are those of the indices.
    """
    sizes = shape[batch:]
    strides = np.array([prod(sizes[i + 1 :]) for i in range(len(sizes))], np.int32)
    flat = build.cast(from_front(build, indices, sizes), "INT32")
    if len(sizes) > 1:
        flat = build.mul(flat, build.constant(strides))
        if flat.is_constant:
            flat = build.constant(flat.values.sum(-1, keepdims=True), np.int32)
        else:
            flat = build.reduce("SUM", flat, [-1], keep=True)
    flat = build.reshape(flat, indices.shape[:-1])
    if not batch:
        return flat
    first = np.arange(prod(shape[:batch]), dtype=np.int32).reshape(shape[:batch]) * prod(sizes)
    first = first.reshape(*shape[:batch], *[1] * (flat.rank - batch))
    return build.add(flat, build.constant(first))
