"""Operators whose indices, segments or lengths say what goes where, against LiteRT, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from .conftest import examples
from .oracle import NativeError, NativeSession, check, run_litert, run_native
from .single_op import NUMPY_TYPES, Model, Quantized

pytestmark = pytest.mark.slow

SHAPES = st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple)
PLACES = st.lists(st.integers(1, 4), min_size=0, max_size=3).map(tuple)
SEEDS = st.integers(0, 2**32 - 1)
TYPES = {kind: NUMPY_TYPES[kind] for kind in ("INT8", "UINT8", "INT16", "INT32", "INT64", "FLOAT32", "BOOL")}

Shape = tuple[int, ...]


def quantized(kind: str, is_quantized: bool = True) -> Quantized | None:
    return Quantized(0.1, 3) if kind in ("INT8", "UINT8") and is_quantized else None


def random(kind: str, shape: Shape, seed: int) -> NDArray[Any]:
    rng = np.random.default_rng(seed)
    if kind == "FLOAT32":
        return rng.normal(size=shape).astype(np.float32)
    if kind == "BOOL":
        return rng.integers(0, 2, shape).astype(np.bool_)
    return rng.integers(np.iinfo(TYPES[kind]).min, np.iinfo(TYPES[kind]).max, shape, TYPES[kind], endpoint=True)


def coordinates(shape: Shape, places: Shape, depth: int, seed: int) -> NDArray[np.int64]:
    rng = np.random.default_rng(seed)
    return np.stack([rng.integers(0, size, places) for size in shape[:depth]], axis=-1)


@given(
    data=st.data(),
    shape=SHAPES,
    places=PLACES,
    kind=st.sampled_from(list(TYPES)),
    index=st.sampled_from(["INT16", "INT32", "INT64"]),
    seed=SEEDS,
)
@examples()
def test_gather_nd(data: st.DataObject, shape: Shape, places: Shape, kind: str, index: str, seed: int) -> None:
    depth = data.draw(st.integers(1, len(shape)))
    where = coordinates(shape, places, depth, seed).astype(TYPES[index])
    constant = data.draw(st.booleans())
    model = Model()
    x = model.input(shape, kind, quantized(kind))
    i = model.constant(where, index) if constant else model.input(where.shape, index)
    y = model.tensor((*places, *shape[depth:]), kind, quantized(kind))
    model.operator("GATHER_ND", [x, i], [y], "GatherNdOptions", version=5)
    check(model.finish([y]), [random(kind, shape, seed)] + [where] * (not constant))


@given(
    data=st.data(),
    shape=SHAPES,
    places=PLACES,
    kind=st.sampled_from([kind for kind in TYPES if kind != "INT16"]),
    seed=SEEDS,
)
@examples()
def test_scatter_nd(data: st.DataObject, shape: Shape, places: Shape, kind: str, seed: int) -> None:
    """Places are drawn independently, so several updates may go to one."""
    depth = data.draw(st.integers(1, len(shape)))
    assume(places or depth < len(shape))  # LiteRT wants no scalar
    is_quantized, constant = data.draw(st.booleans()), data.draw(st.booleans())
    where = coordinates(shape, places, depth, seed).astype(np.int32)
    updates = random(kind, (*places, *shape[depth:]), seed)
    model = Model()
    i = model.constant(where, "INT32") if constant else model.input(where.shape, "INT32")
    u = model.input(updates.shape, kind, quantized(kind, is_quantized))
    y = model.tensor(shape, kind, quantized(kind, is_quantized))
    model.operator("SCATTER_ND", [i, u, model.constant(shape, "INT32")], [y], "ScatterNdOptions")
    check(model.finish([y]), [where] * (not constant) + [updates])


def gather_nd(where: object) -> bytes:
    model = Model()
    x = model.input((2, 3), "INT8", quantized("INT8"))
    i = model.constant(where, "INT32") if where is not None else model.input((4, 2), "INT32")
    y = model.tensor((4,), "INT8", quantized("INT8"))
    model.operator("GATHER_ND", [x, i], [y], "GatherNdOptions")
    return model.finish([y])


def indexed(operator: str, index: int) -> tuple[bytes, list[NDArray[Any]]]:
    """A model that takes or changes one of three rows, by an index that is an input; and its inputs."""
    changes = operator in ("SCATTER_ND", "UNSORTED_SEGMENT_SUM")
    rows = np.ones((1, 2) if changes else (3, 2), np.float32)
    where = np.full((1, 1) if operator.endswith("_ND") else (1,), index, np.int32)
    model = Model()
    i, x = model.input(where.shape, "INT32"), model.input(rows.shape, "FLOAT32")
    y = model.tensor((3, 2) if changes else (1, 2), "FLOAT32")
    operands, options = {
        "GATHER": ([x, i], "GatherOptions"),
        "GATHER_ND": ([x, i], "GatherNdOptions"),
        "SCATTER_ND": ([i, x, model.constant([3, 2], "INT32")], "ScatterNdOptions"),
        "EMBEDDING_LOOKUP": ([i, x], None),
        "UNSORTED_SEGMENT_SUM": ([x, i, model.constant(3, "INT32")], "UnsortedSegmentSumOptions"),
    }[operator]
    model.operator(operator, operands, [y], options)
    return model.finish([y]), [where, rows]


INDEXED = ("GATHER", "GATHER_ND", "SCATTER_ND", "EMBEDDING_LOOKUP", "UNSORTED_SEGMENT_SUM")


@pytest.mark.parametrize("operator", INDEXED)
@pytest.mark.parametrize("index", [-1, 3, -(2**31), 2**31 - 1])
def test_an_index_that_is_not_in_its_tensor_ends_the_run(operator: str, index: int) -> None:
    data, inputs = indexed(operator, index)
    if operator == "UNSORTED_SEGMENT_SUM" and index < 0:
        check(data, inputs)  # of no segment
        return
    with pytest.raises(RuntimeError, match="failed to invoke"):
        run_litert(data, inputs)
    with NativeSession(data, inputs) as session:
        with pytest.raises(
            NativeError, match=rf"{operator} \(operator 0\): it computed a place that is not in its tensor"
        ):
            session.run(inputs)
        rows = session.run([np.full_like(inputs[0], 2), inputs[1]])[0]
    assert rows.sum() == 2  # and the next run is as any


def test_an_update_moves_until_it_fits() -> None:
    for index in (-1, 1, 2, 3, -(2**31), 2**31 - 1):
        model = Model()
        x, update = model.input((3, 2), "FLOAT32"), model.input((2, 2), "FLOAT32")
        i = model.input((2,), "INT32")
        y = model.tensor((3, 2), "FLOAT32")
        model.operator("DYNAMIC_UPDATE_SLICE", [x, update, i], [y], "DynamicUpdateSliceOptions")
        values = [np.zeros((3, 2), np.float32), np.ones((2, 2), np.float32), np.array([index, index], np.int32)]
        check(model.finish([y]), values)


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ([[0, 0], [1, 3], [0, 0], [0, 0]], "index 3 is out of 3"),
        ([[0, 0], [0, 0], [-1, 0], [0, 0]], "index -1 is out of 2"),
        ([[0, 0, 0]] * 4, "3 coordinates, for a tensor of 2"),
        (1, "0 coordinates"),
    ],
)
def test_refuses_what_the_file_says(where: object, sentence: str) -> None:
    with pytest.raises(NativeError, match=sentence):
        run_native(gather_nd(where), [np.zeros((2, 3), np.int8)])


@pytest.mark.parametrize(
    ("updates", "shape", "sentence"),
    [((3, 2), (4, 3), "updates do not fit"), ((2,), (4, 3), "updates do not fit"), ((2, 3), (2**30, 3), "limit")],
)
def test_refuses_updates_and_shapes_that_do_not_fit(updates: Shape, shape: Shape, sentence: str) -> None:
    model = Model()
    i, u = model.constant([[0], [1]], "INT32"), model.input(updates, "INT32")
    y = model.tensor((4, 3), "INT32")
    model.operator("SCATTER_ND", [i, u, model.constant(shape, "INT32")], [y], "ScatterNdOptions")
    with pytest.raises(NativeError, match=sentence):
        run_native(model.finish([y]), [np.zeros(updates, np.int32)])


# ---- rows and slices ----


@given(
    rows=st.integers(1, 9),
    places=st.integers(1, 9),
    inner=st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple),
    kind=st.sampled_from(["FLOAT32", "INT8", "UINT8", "INT32", "per row", "per table"]),
    seed=SEEDS,
)
@examples()
def test_embedding_lookup(rows: int, places: int, inner: Shape, kind: str, seed: int) -> None:
    """A table for each row of which there is a scale, or one for all, gives floats."""
    rng, model = np.random.default_rng(seed), Model()
    where = rng.integers(0, rows, places).astype(np.int32)
    type_ = "INT8" if kind.startswith("per") else kind
    scales = Quantized(rng.uniform(0.01, 1, rows if kind == "per row" else 1), 0) if kind.startswith("per") else None
    i = model.input((places,), "INT32")
    table = model.constant(random(type_, (rows, *inner), seed), type_, scales)
    y = model.tensor((places, *inner), "FLOAT32" if kind.startswith("per") else kind)
    model.operator("EMBEDDING_LOOKUP", [i, table], [y])
    check(model.finish([y]), [where])


@given(data=st.data(), shape=SHAPES | st.just(()), kind=st.sampled_from(list(TYPES)), wide=st.booleans(), seed=SEEDS)
@examples()
def test_dynamic_update_slice(data: st.DataObject, shape: Shape, kind: str, wide: bool, seed: int) -> None:
    """Starts may lie outside: the update is moved so that it fits. It may have no elements; a number has no starts."""
    size = tuple(data.draw(st.integers(0, n)) for n in shape)
    start = np.array([data.draw(st.integers(-2, n + 1)) for n in shape], np.int64 if wide else np.int32)
    model = Model()
    x, u = model.input(shape, kind, quantized(kind)), model.input(size, kind, quantized(kind))
    i = model.input((len(shape),), "INT64" if wide else "INT32")
    y = model.tensor(shape, kind, quantized(kind))
    model.operator("DYNAMIC_UPDATE_SLICE", [x, u, i], [y])
    check(model.finish([y]), [random(kind, shape, seed), random(kind, size, seed + 1), start])


@given(
    data=st.data(),
    shape=st.lists(st.integers(1, 5), min_size=2, max_size=5).map(tuple),
    kind=st.sampled_from(["FLOAT32", "UINT8", "INT16", "INT32", "INT64"]),
    wide=st.booleans(),
    seed=SEEDS,
)
@examples()
def test_reverse_sequence(data: st.DataObject, shape: Shape, kind: str, wide: bool, seed: int) -> None:
    sequence, batch = data.draw(st.permutations(range(len(shape))))[:2]
    lengths = np.random.default_rng(seed).integers(0, shape[sequence] + 1, shape[batch])
    model = Model()
    x, n = model.input(shape, kind), model.input((shape[batch],), "INT64" if wide else "INT32")
    y = model.tensor(shape, kind)
    model.operator("REVERSE_SEQUENCE", [x, n], [y], "ReverseSequenceOptions", seqDim=sequence, batchDim=batch)
    check(model.finish([y]), [random(kind, shape, seed), lengths.astype(np.int64 if wide else np.int32)])


@given(
    data=st.data(),
    shape=SHAPES,
    kind=st.sampled_from(["FLOAT32", "INT32", "INT64"]),
    exclusive=st.booleans(),
    reverse=st.booleans(),
    seed=SEEDS,
)
@examples()
def test_cumsum(data: st.DataObject, shape: Shape, kind: str, exclusive: bool, reverse: bool, seed: int) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    model = Model()
    x, a = model.input(shape, kind), model.constant(np.array(axis), "INT32")
    y = model.tensor(shape, kind)
    model.operator("CUMSUM", [x, a], [y], "CumsumOptions", exclusive=exclusive, reverse=reverse)
    check(model.finish([y]), [random(kind, shape, seed)])


@given(shape=SHAPES, kind=st.sampled_from(["FLOAT32", "INT32"]), seed=SEEDS)
@examples()
def test_segment_sum(shape: Shape, kind: str, seed: int) -> None:
    segments = np.cumsum(np.random.default_rng(seed).integers(0, 2, shape[0]))
    segments -= segments[0]
    model = Model()
    x, i = model.input(shape, kind), model.constant(segments, "INT32")
    y = model.tensor((segments[-1] + 1, *shape[1:]), kind)
    model.operator("SEGMENT_SUM", [x, i], [y], "SegmentSumOptions")
    check(model.finish([y]), [random(kind, shape, seed)])


@pytest.mark.parametrize(
    ("segments", "sentence"),
    [([1, 1, 2], "segment 1 follows 0"), ([0, 2, 3], "segment 2 follows 0"), ([0, 1, 0], "segment 0 follows 1")],
)
def test_segment_sum_refuses_segments(segments: list[int], sentence: str) -> None:
    model = Model()
    x, i = model.input((3, 2), "FLOAT32"), model.constant(segments, "INT32")
    y = model.tensor((3, 2), "FLOAT32")
    model.operator("SEGMENT_SUM", [x, i], [y], "SegmentSumOptions")
    with pytest.raises(NativeError, match=sentence):
        run_native(model.finish([y]), [np.zeros((3, 2), np.float32)])


def test_clamps_lengths_that_a_run_computes() -> None:
    model = Model()
    x, n = model.input((2, 2), "INT32"), model.input((2,), "INT64")
    y = model.tensor((2, 2), "INT32")
    model.operator("REVERSE_SEQUENCE", [x, n], [y], "ReverseSequenceOptions", seqDim=1, batchDim=0)
    values = [np.array([[1, 2], [3, 4]], np.int32), np.array([2**62, -(2**62)])]
    assert run_native(model.finish([y]), values)[0].tolist() == [[2, 1], [3, 4]]


@pytest.mark.parametrize("kind", ["INT16", "FLOAT16", "UINT16", "UINT32", "COMPLEX64"])
def test_scatter_nd_refuses_other_types(kind: str) -> None:
    model = Model()
    i, u = model.constant([[0]], "INT32"), model.input((1, 3), kind)
    y = model.tensor((4, 3), kind)
    model.operator("SCATTER_ND", [i, u, model.constant((4, 3), "INT32")], [y], "ScatterNdOptions")
    with pytest.raises(NativeError, match=f"does not take an input 1 of type {kind}"):
        run_native(model.finish([y]), [])
