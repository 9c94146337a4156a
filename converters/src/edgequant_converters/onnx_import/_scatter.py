"""Updates written into a tensor at indices: into rows of it, all axes before a row joined."""

from math import prod

import numpy as np

from edgequant_converters.ir import Builder, Tensor, normal_axes

from ._indices import flat_elements, flat_rows
from ._node import Node
from ._registry import lowers
from ._types import held_in

_SEGMENTS = {"mul": ("UNSORTED_SEGMENT_PROD", "MUL"), "max": ("UNSORTED_SEGMENT_MAX", "MAXIMUM"),
             "min": ("UNSORTED_SEGMENT_MIN", "MINIMUM")}  # fmt: skip
"""Reduction -> the operator that reduces the updates of each row, and the one that adds the row's own value."""


@lowers("ScatterElements", "Scatter")
def scatter_elements(node: Node, build: Builder) -> Tensor:
    """Write each update at its own place, but for the index on one axis."""
    x, indices, updates = node.input(0), node.input(1), node.input(2)
    axis = normal_axes([node.get("axis", 0)], x.rank)[0]
    places = build.reshape(flat_elements(build, indices, x.shape, axis), (-1,))
    made = _into_rows(node, build, build.reshape(x, (-1,)), places, build.reshape(updates, (-1,)))
    return build.reshape(made, x.shape)


@lowers("ScatterND")
def scatter_nd(node: Node, build: Builder) -> Tensor:
    """Write each slice of the updates where a tuple of indices says."""
    x, indices, updates = node.input(0), node.input(1), node.input(2)
    count = indices.shape[-1]
    rest = x.shape[count:]
    places = build.reshape(flat_rows(build, indices, x.shape[:count], 0), (-1,))
    rows = build.reshape(x, (prod(x.shape[:count]), *rest))
    made = _into_rows(node, build, rows, places, build.reshape(updates, (prod(indices.shape[:-1]), *rest)))
    return build.reshape(made, x.shape)


def _into_rows(node: Node, build: Builder, rows: Tensor, places: Tensor, updates: Tensor) -> Tensor:
    reduction = node.get("reduction", "none")
    if reduction == "none":
        return overwritten_rows(build, rows, places, updates)
    kind = held_in(node, rows.type, ("FLOAT32", "INT32") if reduction in _SEGMENTS else ("FLOAT32", "INT32", "INT64"))
    own, given = build.cast(rows, kind), build.cast(updates, kind)
    if reduction == "add":
        return build.cast(build.add(own, _scattered(build, places, given, own.shape)), rows.type)
    if reduction not in _SEGMENTS:
        node.refuse(f"reduction={reduction}")
    segments, code = _SEGMENTS[reduction]
    count = build.constant(rows.shape[0], np.int32)
    return build.cast(build.binary(code, own, build.op(segments, [given, places, count], own.shape)), rows.type)


def overwritten_rows(build: Builder, rows: Tensor, places: Tensor, updates: Tensor) -> Tensor:
    """Return rows with the updates in their places; no place is named twice."""
    if places.is_constant:
        mask = np.zeros(rows.shape[0], np.bool_)
        mask[places.values] = True
        written = build.constant(mask.reshape(-1, *[1] * (rows.rank - 1)))
    else:
        ones = build.constant(np.ones(places.shape, np.int32))
        counts = _scattered(build, places, ones, rows.shape[:1])
        written = build.binary("GREATER", counts, build.like(0, counts))
        written = build.reshape(written, (-1, *[1] * (rows.rank - 1)))
    return build.select(written, _scattered(build, places, updates, rows.shape), rows)


def _scattered(build: Builder, places: Tensor, updates: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Write the updates into zeros; those of the same place are added."""
    tuples = build.reshape(places, (*places.shape, 1))
    return build.op("SCATTER_ND", [tuples, updates, build.constant(shape, np.int32)], shape, updates.type)


@lowers("TensorScatter")
def write_into_cache(node: Node, build: Builder) -> Tensor:
    """Write an update into a cache (batch, ...) along an axis, from an index of its own for each of the batch."""
    cache, update, first = node.input(0), node.input(1), node.optional(2)
    axis = normal_axes([node.get("axis", -2)], cache.rank)[0]
    node.only("mode", "linear", "circular")
    order = [0, axis, *(i for i in range(1, cache.rank) if i != axis)]
    batch, length, count = cache.shape[0], cache.shape[axis], update.shape[axis]
    places = build.constant(np.tile(np.arange(count, dtype=np.int32), (batch, 1)))
    if first is not None:
        places = build.add(places, build.reshape(build.cast(first, "INT32"), (batch, 1)))
    if node.get("mode", "linear") == "circular":
        places = build.binary("FLOOR_MOD", places, build.like(length, places))
    places = build.add(places, build.constant(np.arange(batch, dtype=np.int32)[:, None] * length))
    turned = build.transpose(cache, order)
    rows = build.reshape(turned, (batch * length, prod(turned.shape[2:])))
    updates = build.reshape(build.transpose(update, order), (batch * count, rows.shape[1]))
    made = overwritten_rows(build, rows, build.reshape(places, (-1,)), updates)
    return build.transpose(build.reshape(made, turned.shape), [order.index(i) for i in range(cache.rank)])
