"""How often sequences of numbers occur in others."""

import numpy as np
from numpy.typing import NDArray

from edgequant_converters.ir import Builder, Tensor

from ._node import Node
from ._registry import lowers


@lowers("TfIdfVectorizer")
def count_ngrams(node: Node, build: Builder) -> Tensor:
    """Count the sequences of a pool in x (N, length) or (length), with up to so many others between their items."""
    x, mode = node.input(0), node.get("mode", "")
    if "pool_int64s" not in node.attributes:
        node.refuse("pool_strings")
    places = node.get("ngram_indexes", [])
    matrix = np.zeros((max(places) + 1, len(places)), np.float32)
    matrix[places, np.arange(len(places))] = node.get("weights", [1.0] * len(places)) if mode != "TF" else 1.0
    rows = build.cast(build.reshape(x, (-1, x.shape[-1])), "INT32")
    counts = [_counted(node, build, rows, pool) for pool in _pools(node)]
    joined = build.concat(counts, 1)
    if mode == "IDF":
        joined = build.binary("MINIMUM", joined, build.like(1.0, joined))
    return build.reshape(build.fully_connected(joined, build.constant(matrix)), (*x.shape[:-1], len(matrix)))


def _pools(node: Node) -> list[NDArray[np.int32]]:
    """Return the sequences of each length that there are, from 1 on: (sequences, length)."""
    pool, starts = node.get("pool_int64s", []), node.get("ngram_counts", [])
    ends = [*starts[1:], len(pool)]
    pieces = [np.array(pool[start:end], np.int32) for start, end in zip(starts, ends, strict=True)]
    return [piece.reshape(-1, length) for length, piece in enumerate(pieces, 1) if len(piece)]


def _counted(node: Node, build: Builder, rows: Tensor, pool: NDArray[np.int32]) -> Tensor:
    batch, size = rows.shape
    length = pool.shape[1]
    total = build.constant(np.zeros((batch, len(pool)), np.float32))
    if not node.get("min_gram_length", 1) <= length <= node.get("max_gram_length", 1):
        return total
    for skipped in range(node.get("max_skip_count", 0) + 1 if length > 1 else 1):
        count = size - (length - 1) * (skipped + 1)
        if count <= 0:
            break
        found: Tensor | None = None
        for item in range(length):
            part = build.reshape(build.slice(rows, (0, item * (skipped + 1)), (batch, count)), (batch, count, 1))
            equal = build.binary("EQUAL", part, build.constant(pool[None, None, :, item]))
            found = equal if found is None else build.op("LOGICAL_AND", [found, equal], equal.shape)
        assert found is not None
        total = build.add(total, build.reduce("SUM", build.cast(found, "FLOAT32"), [1], keep=False))
    return total
