"""Comparisons, logic, choices, and tensors that are made of shapes and constants, against LiteRT."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from .conftest import examples
from .oracle import NativeError, check, check_close, run_native
from .single_op import Model, Quantized
from .test_elementwise import SEEDS, Shape, broadcast_shapes, in_type

pytestmark = pytest.mark.slow

COMPARISONS = ("EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL")
NUMBERS = st.sampled_from(["FLOAT32", "INT8", "UINT8", "INT16", "INT32", "INT64", "BOOL"])
INTEGERS = st.sampled_from(["INT8", "INT16", "INT32", "UINT8", "UINT16", "UINT32"])
DTYPES = {"FLOAT32": "float32", "BOOL": "bool"}
SCALES = st.sampled_from([0.01, 0.02, 0.5, 2.0**-7])


def values(seed: int, shape: Shape, kind: str) -> Any:
    """Few different numbers, so that many are equal; whole ones also where they are floats."""
    dtype = np.dtype(DTYPES.get(kind, kind.lower()))
    low = 0 if dtype.kind in "ub" else -3
    return np.random.default_rng(seed).integers(low, 4, shape).astype(dtype)


def quantized(kind: str, scale: float, zero_point: int) -> Quantized | None:
    if kind == "INT16":
        return Quantized(scale)
    return in_type(Quantized(scale, zero_point), kind) if kind in ("INT8", "UINT8") else None


@pytest.mark.parametrize("name", COMPARISONS)
@given(
    kind=NUMBERS, shapes=broadcast_shapes(), scales=st.tuples(SCALES, SCALES),
    zero_points=st.tuples(*[st.integers(-2, 2)] * 2), seed=SEEDS,
)  # fmt: skip
@examples()
def test_comparison(
    name: str,
    kind: str,
    shapes: tuple[Shape, Shape],
    scales: tuple[float, float],
    zero_points: tuple[int, int],
    seed: int,
) -> None:
    assume(kind != "BOOL" or name in COMPARISONS[:2])
    assume(all(len(shape) <= 4 for shape in shapes))  # LiteRT's broadcast of comparisons ends there
    model = Model()
    inputs = [model.input(s, kind, quantized(kind, q, z)) for s, q, z in zip(shapes, scales, zero_points)]
    y = model.tensor(np.broadcast_shapes(*shapes), "BOOL")
    options = "".join(part.title() for part in name.split("_")) + "Options"
    model.operator(name, inputs, [y], options, version=2)
    near = 128 if kind == "UINT8" else 0
    data = [values(seed + i, shape, kind) + (np.uint8(near) if near else 0) for i, shape in enumerate(shapes)]
    check(model.finish([y]), [x.astype(DTYPES.get(kind, kind.lower())) for x in data])


@given(name=st.sampled_from(["LOGICAL_AND", "LOGICAL_OR"]), shapes=broadcast_shapes(), seed=SEEDS)
@examples()
def test_logic(name: str, shapes: tuple[Shape, Shape], seed: int) -> None:
    assume(all(len(shape) <= 4 for shape in shapes))
    model = Model()
    inputs = [model.input(shape, "BOOL") for shape in shapes]
    y = model.tensor(np.broadcast_shapes(*shapes), "BOOL")
    model.operator(name, inputs, [y], "LogicalAndOptions" if name == "LOGICAL_AND" else "LogicalOrOptions")
    check(model.finish([y]), seed=seed)


@given(kind=INTEGERS, shape=st.lists(st.integers(1, 5), min_size=1, max_size=4), repeats=st.booleans(), seed=SEEDS)
@examples()
def test_bits(kind: str, shape: list[int], repeats: bool, seed: int) -> None:
    for name, options in (("BITWISE_XOR", "BitwiseXorOptions"), ("RIGHT_SHIFT", "RightShiftOptions")):
        model = Model()
        a, b = model.input(shape, kind), model.input(shape[-1:] if repeats else shape, kind)
        y = model.tensor(shape, kind)
        model.operator(name, [a, b], [y], options)
        check(model.finish([y]), seed=seed)


@given(
    kind=st.sampled_from(["FLOAT32", "INT8", "UINT8", "INT16", "INT32", "INT64", "BOOL", "FLOAT16"]),
    shape=st.lists(st.integers(1, 4), min_size=1, max_size=5),
    ones=st.tuples(*[st.integers(0, 31)] * 3),
    dropped=st.tuples(*[st.integers(0, 4)] * 3),
    seed=SEEDS,
)
@examples()
def test_select_v2(kind: str, shape: list[int], ones: Any, dropped: Any, seed: int) -> None:
    assume(kind != "FLOAT16" or len(shape) < 3)  # few are enough
    shapes = [[1 if one >> i & 1 else size for i, size in enumerate(shape)][min(drop, len(shape)) :]
              for one, drop in zip(ones, dropped)]  # fmt: skip
    assume(not all(math.prod(s) == 1 for s in shapes))  # LiteRT then takes the file's shape
    model = Model()
    scale = quantized(kind, 0.1, 3)
    inputs = [model.input(shapes[0], "BOOL"), *(model.input(s, kind, scale) for s in shapes[1:])]
    y = model.tensor(np.broadcast_shapes(*(tuple(s) for s in shapes)), kind, scale)
    model.operator("SELECT_V2", inputs, [y], "SelectV2Options")
    check(model.finish([y]), seed=seed)


@given(
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=4), of=st.sampled_from(["all", "first", "one"]), seed=SEEDS
)
@examples()
def test_select(shape: list[int], of: str, seed: int) -> None:
    model = Model()
    condition = model.input({"all": shape, "first": shape[:1], "one": []}[of], "BOOL")
    x, z, y = model.input(shape, "INT32"), model.input(shape, "INT32"), model.tensor(shape, "INT32")
    model.operator("SELECT", [condition, x, z], [y], "SelectOptions")
    check(model.finish([y]), seed=seed)


@given(
    shape=st.lists(st.integers(1, 5), max_size=3), depth=st.integers(1, 6), axis=st.integers(-1, 2), wide=st.booleans(),
    kind=st.sampled_from(["FLOAT32", "INT8", "UINT8", "INT32", "INT64", "BOOL"]), seed=SEEDS,
)  # fmt: skip
@examples()
def test_one_hot(shape: list[int], depth: int, axis: int, wide: bool, kind: str, seed: int) -> None:
    assume(axis <= len(shape))
    model = Model()
    indices = model.input(shape, "INT64" if wide else "INT32")
    on, off = model.constant(1, kind), model.constant(0, kind)
    place = len(shape) if axis == -1 else axis
    y = model.tensor([*shape[:place], depth, *shape[place:]], kind)
    model.operator("ONE_HOT", [indices, model.constant(depth, "INT32"), on, off], [y], "OneHotOptions", axis=axis)
    rng = np.random.default_rng(seed)
    check(model.finish([y]), [rng.integers(-1, depth + 1, shape).astype(np.int64 if wide else np.int32)])


@given(shape=st.lists(st.integers(1, 5), max_size=4), kind=NUMBERS, seed=SEEDS)
@examples()
def test_fill_rank_and_shape(shape: list[int], kind: str, seed: int) -> None:
    model = Model()
    x = model.input(shape, kind)
    value = model.input((), kind)
    sizes, rank = model.tensor((len(shape),), "INT32"), model.tensor((), "INT32")
    filled = model.tensor(shape, kind)
    if shape:  # LiteRT gives no tensor without elements
        model.operator("SHAPE", [x], [sizes], "ShapeOptions", outType=2)
    model.operator("RANK", [x], [rank], "RankOptions")
    outputs = [rank]
    if shape:
        model.operator("FILL", [model.constant(shape, "INT32"), value], [filled], "FillOptions", version=5)
        outputs += [filled, sizes]
    check(model.finish(outputs), seed=seed)


@given(
    kind=st.sampled_from(["FLOAT32", "INT32", "INT64"]), start=st.integers(-20, 20), steps=st.integers(1, 30),
    delta=st.sampled_from([-3.0, -1.0, 0.25, 1.0, 7.0]),
)  # fmt: skip
@examples()
def test_range(kind: str, start: int, steps: int, delta: float) -> None:
    assume(kind == "FLOAT32" or delta != 0.25)
    model = Model()
    inputs = [model.constant(v, kind) for v in (start, start + steps * delta, delta)]
    y = model.tensor((steps,), kind)
    model.operator("RANGE", inputs, [y], "RangeOptions", version=2)
    x = model.input((1,), kind)
    z = model.tensor((steps,), kind)
    model.operator("ADD", [x, y], [z], "AddOptions", version=5)
    check(model.finish([z]))


@given(
    shape=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    kind=st.sampled_from(["FLOAT32", "BOOL", "INT32"]),
    seed=SEEDS,
)
@examples()
def test_where_of_a_constant(shape: list[int], kind: str, seed: int) -> None:
    constant = values(seed, tuple(shape), kind)
    assume(np.count_nonzero(constant))
    model = Model()
    places = model.tensor((np.count_nonzero(constant), len(shape)), "INT64")
    model.operator("WHERE", [model.constant(constant, kind)], [places], "WhereOptions", version=2)
    x, y = model.input((1,), "INT64"), model.tensor((np.count_nonzero(constant), len(shape)), "INT64")
    model.operator("ADD", [x, places], [y], "AddOptions", version=5)
    check(model.finish([y]))


def test_sizes_that_a_run_would_decide_are_refused() -> None:
    model = Model()
    x, y = model.input((4,), "BOOL"), model.tensor((4, 1), "INT64")
    model.operator("WHERE", [x], [y], "WhereOptions")
    with pytest.raises(NativeError, match="only a constant condition is supported"):
        run_native(model.finish([y]), [np.ones(4, np.bool_)])


def test_power_of_special_numbers() -> None:
    numbers = np.array([0, -0.0, 1, -1, 0.5, -2, 3, np.inf, -np.inf, np.nan], np.float32)
    base, exponent = (grid.reshape(-1).copy() for grid in np.meshgrid(numbers, numbers))
    model = Model()
    a, b = (model.input((100,), "FLOAT32") for _ in range(2))
    y = model.tensor((100,), "FLOAT32")
    model.operator("POW", [a, b], [y], "PowOptions")
    (found,) = run_native(model.finish([y]), [base, exponent])
    with np.errstate(all="ignore"):
        expected = np.power(base.astype(np.float64), exponent.astype(np.float64)).astype(np.float32)
    np.testing.assert_allclose(found, expected, rtol=2**-23, atol=0)  # the last bit is the C library's or numpy's own


def angles(shape: tuple[int, ...]) -> bytes:
    model = Model()
    y = model.tensor(shape, "FLOAT32")
    model.operator("ATAN2", [model.input(shape, "FLOAT32") for _ in range(2)], [y], "ATan2Options")
    return model.finish([y])


def test_angles_of_special_points() -> None:
    numbers = np.array([0, -0.0, 1, -1, 0.5, -2, 1e-40, -1e38, np.inf, -np.inf, np.nan], np.float32)
    up, along = (grid.reshape(-1).copy() for grid in np.meshgrid(numbers, numbers))
    (found,) = run_native(angles(up.shape), [up, along])
    expected = np.arctan2(up.astype(np.float64), along.astype(np.float64)).astype(np.float32)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))


@given(shape=st.lists(st.integers(1, 5), min_size=1, max_size=4), seed=SEEDS)
@examples()
def test_angles(shape: list[int], seed: int) -> None:
    check_close(angles(tuple(shape)), seed=seed)


@given(shape=st.lists(st.integers(1, 5), min_size=1, max_size=4), count=st.integers(2, 5), seed=SEEDS)
@examples()
def test_add_n(shape: list[int], count: int, seed: int) -> None:
    model = Model()
    y = model.tensor(shape, "INT32")
    model.operator("ADD_N", [model.input(shape, "INT32") for _ in range(count)], [y], "AddNOptions")
    rng = np.random.default_rng(seed)
    check(model.finish([y]), [rng.integers(-999, 999, shape).astype(np.int32) for _ in range(count)])
