"""Sparse constants and DENSIFY against LiteRT, and hostile lists of where values are."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from .conftest import examples
from .oracle import NativeError, check, run_native
from .single_op import Model, Quantized

pytestmark = pytest.mark.slow

Array = NDArray[Any]
VECTORS = {"int32": (1, schema.Int32VectorT), "uint16": (2, schema.Uint16VectorT), "uint8": (3, schema.Uint8VectorT)}


class Encoder:
    """The metadata of a dense array, and its values, for an order of its dimensions and blocks."""

    def __init__(
        self, dense: Array, order: Sequence[int], blocks: dict[int, int], sparse: Sequence[bool], kind: str
    ) -> None:
        rank, self.kind = dense.ndim, kind
        self.order, self.block_map = list(order), list(blocks)
        shape = [size // blocks.get(axis, 1) for axis, size in enumerate(dense.shape)]
        split = [part for axis, size in enumerate(shape) for part in (size, blocks.get(axis, 1))]
        cut = dense.reshape(split).transpose([*range(0, 2 * rank, 2), *range(1, 2 * rank, 2)])
        cut = cut.reshape([*shape, *blocks.values()])  # blocks of size 1 are none
        self.levels = cut.transpose(order)
        self.sparse = [*sparse[:rank], *[False] * len(blocks)]
        self.segments: list[list[int]] = [[0] for _ in order]
        self.indices: list[list[int]] = [[] for _ in order]
        self.values: list[Any] = []
        self._walk(self.levels, 0)

    def _walk(self, part: Array, level: int) -> None:
        if level == self.levels.ndim:
            self.values.append(part[()])
            return
        for index in range(part.shape[0]):
            if not self.sparse[level]:
                self._walk(part[index], level + 1)
            elif np.any(part[index]):
                self.indices[level].append(index)
                self._walk(part[index], level + 1)
        self.segments[level].append(len(self.indices[level]))

    def table(self) -> schema.SparsityParametersT:
        number, vector = VECTORS[self.kind]

        def of(values: list[int]) -> Any:
            return vector(np.array(values, self.kind))

        dims = [
            schema.DimensionMetadataT(format=1, arraySegmentsType=number, arraySegments=of(segments),
                                      arrayIndicesType=number, arrayIndices=of(indices))
            if is_sparse else schema.DimensionMetadataT(format=0, denseSize=size)
            for is_sparse, size, segments, indices in zip(self.sparse, self.levels.shape, self.segments, self.indices)
        ]  # fmt: skip
        return schema.SparsityParametersT(
            traversalOrder=np.array(self.order, np.int32), blockMap=np.array(self.block_map, np.int32), dimMetadata=dims
        )


def densified(dense: Array, encoder: Encoder, kind: str, change: Callable[[Any], None] = lambda table: None) -> bytes:
    """A model that gives the sparse constant as it is, beside its input."""
    quantized = Quantized(0.1, 3) if kind == "INT8" else None
    model = Model()
    x = model.input((1,), "FLOAT32")
    sparse = model.constant(np.array(encoder.values, dense.dtype), kind, quantized)
    model._tensors[sparse].shape = np.array(dense.shape, np.int32)
    model._tensors[sparse].sparsity = encoder.table()
    change(model._tensors[sparse].sparsity)
    y = model.tensor(dense.shape, kind, quantized)
    model.operator("DENSIFY", [sparse], [y], "DensifyOptions")
    return model.finish([x, y])


@given(data=st.data(), kind=st.sampled_from(["FLOAT32", "FLOAT16", "INT8"]), seed=st.integers(0, 2**32 - 1))
@examples()
def test_densify(data: st.DataObject, kind: str, seed: int) -> None:
    rank = data.draw(st.integers(1, 4))
    blocks = {axis: data.draw(st.sampled_from([2, 4])) for axis in range(rank) if data.draw(st.booleans())}
    shape = [data.draw(st.integers(1, 4)) * blocks.get(axis, 1) for axis in range(rank)]
    rng = np.random.default_rng(seed)
    dense = (rng.integers(-100, 100, shape) * (rng.random(shape) < 0.2)).astype(kind.lower())
    order = [*data.draw(st.permutations(range(rank))), *range(rank, rank + len(blocks))]
    sparse = [data.draw(st.booleans()) for _ in range(rank)]
    encoder = Encoder(dense, order, blocks, sparse, data.draw(st.sampled_from(list(VECTORS))))
    if not encoder.values:
        return
    x = np.zeros(1, np.float32)
    model = densified(dense, encoder, kind)
    assert np.array_equal(run_native(model, [x])[1], dense)
    check(model, [x], resolver="optimized", kernels=("scalar",))  # XNNPACK folds it, and has no output then


def first(index: int, **changes: Any) -> Callable[[Any], None]:
    def change(table: Any) -> None:
        for name, values in changes.items():
            if name in ("arraySegments", "arrayIndices"):
                getattr(table.dimMetadata[index], name).values = np.array(values, np.int32)
            else:
                setattr(table.dimMetadata[index], name, values)

    return change


def whole(**changes: Any) -> Callable[[Any], None]:
    def change(table: Any) -> None:
        for name, values in changes.items():
            setattr(table, name, np.array(values, np.int32))

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (first(1, arrayIndices=[0, 5, 2]), "an index outside of its shape"),
        (first(1, arrayIndices=[0, -1, 2]), "an index outside of its shape"),
        (first(1, arraySegments=[0, 1, 2**31 - 1]), "segments that are out of order, or past its indices"),
        (first(1, arraySegments=[0, 3, 1]), "segments that are out of order, or past its indices"),
        (first(1, arraySegments=[-1, 1, 3]), "segments that are out of order, or past its indices"),
        (first(1, arraySegments=[0, 1]), "fewer segments than places"),
        (first(1, arraySegments=[0, 1, 2]), "more values than places"),
        (first(1, arrayIndices=[0, 1, 2, 0], arraySegments=[0, 2, 4]), "fewer values than places"),
        (first(1, arraySegmentsType=0), "a sparse level without segments or indices"),
        (first(0, denseSize=0), "a dense level of no size"),
        (first(0, denseSize=3), "a level of another size than its shape"),
        (first(0, format=7), "a format that there is not"),
        (whole(traversalOrder=[0, 0]), "levels that are not its dimensions and blocks, each once"),
        (whole(traversalOrder=[0, 9]), "levels that are not its dimensions and blocks, each once"),
        (whole(traversalOrder=[0, 1, 2], blockMap=[0]), "levels that are not its dimensions and blocks, each once"),
        (whole(blockMap=list(range(40))), "levels that are not its dimensions and blocks, each once"),
    ],
)
def test_hostile_lists_are_refused(change: Callable[[Any], None], sentence: str) -> None:
    dense = np.array([[7, 0, 0], [0, 8, 9]], np.float32)
    encoder = Encoder(dense, [0, 1], {}, [False, True], "int32")
    with pytest.raises(NativeError, match=f"its sparsity has {sentence}"):
        run_native(densified(dense, encoder, "FLOAT32", change), [np.zeros(1, np.float32)])


@pytest.mark.parametrize(("axis", "size"), itertools.product((0, 1), (3, 5)))
def test_blocks_that_do_not_fit_are_refused(axis: int, size: int) -> None:
    dense = np.ones((4, 4), np.float32)
    encoder = Encoder(dense, [0, 1, 2], {axis: 2}, [False, False], "int32")
    with pytest.raises(NativeError, match="blocks that do not fit its shape"):
        run_native(densified(dense, encoder, "FLOAT32", first(2, denseSize=size)), [np.zeros(1, np.float32)])
