"""Choosing the best: the largest elements, and boxes that do not overlap better ones."""

from itertools import product

import numpy as np

from edgequant_converters.ir import Builder, Tensor

from ._node import Node
from ._registry import lowers


@lowers("TopK")
def top_k(node: Node, build: Builder) -> list[Tensor]:
    """Return the k largest or smallest elements along an axis, the best first, and where they are."""
    x = node.input(0)
    k = node.ints("k", 1)
    assert k is not None
    axis = node.get("axis", -1) % x.rank
    if not 0 < k[0] <= x.shape[axis]:
        node.refuse(f"k={k[0]} of {x.shape[axis]} elements")
    largest = bool(node.get("largest", 1))
    if x.type == "UINT64" or (not largest and x.type.startswith("UINT")):
        node.refuse(f"values of {x.type}" if largest else "largest=0 of unsigned integers")
    order = [*(other for other in range(x.rank) if other != axis), axis]
    back = [order.index(place) for place in range(x.rank)]
    moved = build.transpose(x, order)
    best = moved if largest else build.unary("NEG", moved)
    shape = (*moved.shape[:-1], k[0])
    values, where = build.ops("TOPK_V2", [best, build.constant(k[0], np.int32)], [(shape, x.type), (shape, "INT32")])
    values = values if largest else build.unary("NEG", values)
    return [build.transpose(values, back), build.transpose(build.cast(where, "INT64"), back)]


@lowers("NonMaxSuppression")
def non_max_suppression(node: Node, build: Builder) -> Tensor:
    """Return (batch, class, box) of the boxes that stay, the best of each class first.

    ONNX gives as many rows as boxes stay. A LiteRT file has one shape: for each batch and class as many rows as may
    stay at most, of which those that are not taken are -1, -1, -1.
    """
    boxes, scores = node.input(0), node.input(1)
    batches, classes, count = scores.shape
    most = min(int(node.constant(2).item()) if node.has_input(2) else 0, count)
    if most < 1:
        node.refuse("a largest number of boxes of 0")
    # LiteRT lets a box go that overlaps as much as the threshold, ONNX one that overlaps more.
    overlap = float(node.constant(3).item()) if node.has_input(3) else 0.0
    threshold = build.constant(np.nextafter(np.float32(overlap), np.float32(np.inf)))
    least = node.constant(4).item() if node.has_input(4) else np.finfo(np.float32).min
    limits = [build.constant(most, np.int32), threshold, build.constant(least, np.float32)]
    if node.get("center_point_box", 0):
        boxes = _corners(build, boxes)
    chosen, taken = [], []
    places = build.constant(np.arange(most), np.int32)
    for batch, category in product(range(batches), range(classes)):
        own_boxes = build.reshape(build.slice(boxes, (batch, 0, 0), (1, count, 4)), (count, 4))
        own_scores = build.reshape(build.slice(scores, (batch, category, 0), (1, 1, count)), (count,))
        shapes: list[tuple[tuple[int, ...], str]] = [((most,), "INT32"), ((), "INT32")]
        indices, stayed = build.ops("NON_MAX_SUPPRESSION_V4", [own_boxes, own_scores, *limits], shapes)
        chosen.append(indices)
        taken.append(build.binary("LESS", places, stayed))
    rows = batches * classes * most
    pairs = np.repeat([(b, c) for b, c in product(range(batches), range(classes))], most, axis=0)
    found = build.concat([build.constant(pairs, np.int32), build.reshape(build.concat(chosen, 0), (rows, 1))], 1)
    kept = build.reshape(build.concat(taken, 0), (rows, 1))
    return build.cast(build.select(kept, found, build.like(-1, found)), "INT64")


def _corners(build: Builder, boxes: Tensor) -> Tensor:
    """Return opposite corners of boxes that are given by their centre and size."""
    half_shape = (*boxes.shape[:2], 2)
    centre, size = (build.slice(boxes, (0, 0, first), half_shape) for first in (0, 2))
    half = build.mul(size, build.like(0.5, size))
    return build.concat([build.sub(centre, half), build.add(centre, half)], 2)
