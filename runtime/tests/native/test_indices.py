"""GATHER_ND and SCATTER_ND, whose indices name slices by several coordinates, against LiteRT, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from .conftest import examples
from .oracle import NativeError, check, run_native
from .single_op import Model, Quantized

pytestmark = pytest.mark.slow

SHAPES = st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple)
PLACES = st.lists(st.integers(1, 4), min_size=0, max_size=3).map(tuple)
SEEDS = st.integers(0, 2**32 - 1)
TYPES: dict[str, Any] = {
    "INT8": np.int8,
    "UINT8": np.uint8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
    "FLOAT32": np.float32,
    "BOOL": np.bool_,
}

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


def test_clamps_what_a_run_computes() -> None:
    x = np.arange(6, dtype=np.int8).reshape(2, 3)
    where = np.array([[-1, -1], [0, 3], [2, 0], [2**31 - 1, -(2**31)]], np.int32)
    assert run_native(gather_nd(None), [x, where])[0].tolist() == [0, 2, 3, 3]


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
