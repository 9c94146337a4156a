"""Operators that few models have: divisions and products of other types, diagonals, dilation, places, buckets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from .conftest import examples
from .oracle import NativeError, check, run_litert, run_native
from .single_op import NONE, RELU, RELU6, RELU_N1_TO_1, Model, Quantized
from .test_elementwise import SEEDS, Shape, broadcast_shapes, in_type
from .test_indices import quantized, random

pytestmark = pytest.mark.slow

SHAPES = st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple)
SCALES = st.one_of(st.floats(2**-8, 2**-2, width=32), st.sampled_from([2.0**e for e in range(-8, -1)]))
SMALL = st.one_of(st.floats(2**-14, 2**-6, width=32), st.sampled_from([2.0**e for e in range(-14, -6)]))
ACTIVATIONS = st.sampled_from([NONE, RELU, RELU6, RELU_N1_TO_1])


@given(
    kind=st.sampled_from(["INT8", "UINT8", "INT16"]), shapes=broadcast_shapes(),
    scales=st.tuples(SCALES, SCALES, SCALES), zero_points=st.tuples(*[st.integers(-20, 20)] * 3),
    activation=ACTIVATIONS, seed=SEEDS,
)  # fmt: skip
@examples()
def test_quantized_division(
    kind: str,
    shapes: tuple[Shape, Shape],
    scales: tuple[float, float, float],
    zero_points: tuple[int, int, int],
    activation: int,
    seed: int,
) -> None:
    shapes = tuple(shape[-4:] for shape in shapes)  # type: ignore[assignment]
    of = [Quantized(s) if kind == "INT16" else in_type(Quantized(s, z), kind) for s, z in zip(scales, zero_points)]
    model = Model()
    inputs = [model.input(shape, kind, q) for shape, q in zip(shapes, of)]
    y = model.tensor(np.broadcast_shapes(*shapes), kind, of[2])
    model.operator("DIV", inputs, [y], "DivOptions", version=2, fusedActivationFunction=activation)
    values = [random(kind, shape, seed + i) for i, shape in enumerate(shapes)]
    zero = int(np.asarray(of[1].zero_point))
    values[1] = np.where(values[1] == zero, zero + 1, values[1]).astype(values[1].dtype)  # at 0 LiteRT stops
    data = model.finish([y])
    theirs, ours = run_litert(data, values)[0], run_native(data, values)[0]
    # LiteRT shifts small quotients by more places than an int32 has, which gives anything.
    x, z = (np.abs(value.astype(np.int64) - int(np.asarray(q.zero_point))) for value, q in zip(values, of))
    exponent = np.frexp(np.float32(scales[0]) / (np.float32(scales[1]) * np.float32(scales[2])))[1]
    shift = np.frexp(z)[1] - np.frexp(np.maximum(x, 1))[1] + 30 - exponent
    check(data, values, kernels=("scalar",), expected=[np.where(shift > 30, ours, theirs).astype(ours.dtype)])


def test_quantized_division_by_zero_gives_an_end_of_the_range() -> None:
    model = Model()
    x, z = (model.input((3,), "INT8", Quantized(0.1, 2)) for _ in range(2))
    y = model.tensor((3,), "INT8", Quantized(0.1, 0))
    model.operator("DIV", [x, z], [y], "DivOptions", version=2)
    values = [np.array([-5, 2, 9], np.int8), np.full(3, 2, np.int8)]
    assert run_native(model.finish([y]), values)[0].tolist() == [-128, 127, 127]


PLAIN = [
    ("FLOOR_DIV", "INT8"), ("FLOOR_DIV", "INT16"), ("FLOOR_MOD", "INT8"), ("FLOOR_MOD", "INT16"),
    ("SQUARED_DIFFERENCE", "INT32"), ("MUL", "UINT32"),
]  # fmt: skip
OPTIONS = {
    "FLOOR_DIV": "FloorDivOptions", "FLOOR_MOD": "FloorModOptions", "SQUARED_DIFFERENCE": "SquaredDifferenceOptions",
    "MUL": "MulOptions",
}  # fmt: skip


@pytest.mark.parametrize(("name", "kind"), PLAIN)
@given(shapes=broadcast_shapes(), seed=SEEDS)
@examples(2)
def test_plain_numbers(name: str, kind: str, shapes: tuple[Shape, Shape], seed: int) -> None:
    shapes = tuple(shape[-4:] for shape in shapes)  # type: ignore[assignment]
    model, rng = Model(), np.random.default_rng(seed)
    inputs = [model.input(shape, kind) for shape in shapes]
    y = model.tensor(np.broadcast_shapes(*shapes), kind)
    versions = {"FLOOR_DIV": 3, "FLOOR_MOD": 2, "SQUARED_DIFFERENCE": 2, "MUL": 7}
    model.operator(name, inputs, [y], OPTIONS[name], version=versions[name])
    low, high = (0, 40) if kind == "UINT32" else (-100, 100)
    values = [rng.integers(low, high, shape).astype(kind.lower()) for shape in shapes]
    values[1] = np.where(values[1] == 0, 3, values[1]).astype(values[1].dtype)
    check(model.finish([y]), values, kernels=("scalar",))


@given(shapes=broadcast_shapes(), seed=SEEDS)
@examples(2)
def test_product_of_complex_numbers(shapes: tuple[Shape, Shape], seed: int) -> None:
    shapes = tuple(shape[-4:] for shape in shapes)  # type: ignore[assignment]
    model, rng = Model(), np.random.default_rng(seed)
    inputs = [model.input(shape, "COMPLEX64") for shape in shapes]
    y = model.tensor(np.broadcast_shapes(*shapes), "COMPLEX64")
    model.operator("MUL", inputs, [y], "MulOptions", version=6)
    values = [(rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64) for shape in shapes]
    check(model.finish([y]), values, kernels=("scalar",), within=1e-6)


@pytest.mark.parametrize("name", ["MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD"])
@given(
    shape=SHAPES, data=st.data(), keep=st.booleans(), kind=st.sampled_from(["INT8", "INT16"]),
    scales=st.tuples(SMALL, SMALL),
    zero_points=st.tuples(*[st.integers(-20, 20)] * 2), seed=SEEDS,
)  # fmt: skip
@examples()
def test_quantized_reduction(
    name: str,
    shape: Shape,
    data: st.DataObject,
    keep: bool,
    kind: str,
    scales: tuple[float, float],
    zero_points: tuple[int, int],
    seed: int,
) -> None:
    """The int8 ones of XNNPACK are in test_reductions.py."""
    axes = data.draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, unique=True))
    result = [1 if i in axes else size for i, size in enumerate(shape) if keep or i not in axes]
    kind = kind if name == "REDUCE_PROD" else "INT16"
    if name in ("REDUCE_MAX", "REDUCE_MIN"):
        scales = (scales[0], scales[0])
    if kind == "INT16":
        zero_points = (0, 0)
    model = Model()
    x = model.input(shape, kind, Quantized(scales[0], zero_points[0]))
    y = model.tensor(result, kind, Quantized(scales[1], zero_points[1]))
    version = {"SUM": 2, "REDUCE_PROD": 2}.get(name, 3)
    model.operator(name, [x, model.constant(axes, "INT32")], [y], "ReducerOptions", version=version, keepDims=keep)
    check(model.finish([y]), [random(kind, shape, seed)], kernels=("scalar",))


@given(scale=SMALL, result=SMALL)
@examples()
def test_square_root_of_int16(scale: float, result: float) -> None:
    values = np.arange(0, 1 << 15, dtype=np.int16)
    model = Model()
    x, y = model.input(values.shape, "INT16", Quantized(scale)), model.tensor(values.shape, "INT16", Quantized(result))
    model.operator("SQRT", [x], [y], version=2)
    check(model.finish([y]), [values], kernels=("scalar",))


@pytest.mark.parametrize("name", ["ARG_MAX", "ARG_MIN"])
@given(shape=SHAPES, data=st.data(), seed=SEEDS)
@examples(2)
def test_place_of_a_bool(name: str, shape: Shape, data: st.DataObject, seed: int) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    model = Model()
    x, y = model.input(shape, "BOOL"), model.tensor(shape[:axis] + shape[axis + 1 :], "INT32")
    options = "ArgMaxOptions" if name == "ARG_MAX" else "ArgMinOptions"
    model.operator(name, [x, model.constant([axis], "INT32")], [y], options, version=3, outputType=2)
    check(model.finish([y]), [random("BOOL", shape, seed)], kernels=("scalar",))


@given(
    shape=SHAPES, kinds=st.sampled_from([("FLOAT32", "INT32"), ("INT16", "INT8"), ("INT8", "INT16"), ("INT32", "UINT8"),
                                         ("INT8", "INT64"), ("BOOL", "BOOL"), ("UINT8", "UINT8")]), seed=SEEDS,
)  # fmt: skip
@examples()
def test_bitcast(shape: Shape, kinds: tuple[str, str], seed: int) -> None:
    sizes = {"FLOAT32": 4, "INT32": 4, "INT16": 2, "INT64": 8}
    from_, to = (sizes.get(kind, 1) for kind in kinds)
    result = (*shape, from_ // to) if from_ > to else shape
    if from_ < to:
        shape = (*shape, to // from_)
    model = Model()
    x, y = model.input(shape, kinds[0]), model.tensor(result, kinds[1])
    model.operator("BITCAST", [x], [y], "BitcastOptions")
    check(model.finish([y]), [random(kinds[0], shape, seed)], kernels=("scalar",))


@given(
    shape=SHAPES,
    kind=st.sampled_from(["FLOAT32", "INT32", "INT64"]),
    boundaries=st.sets(st.integers(-9, 9)),
    seed=SEEDS,
)
@examples()
def test_bucketize(shape: Shape, kind: str, boundaries: set[int], seed: int) -> None:
    model = Model()
    x, y = model.input(shape, kind), model.tensor(shape, "INT32")
    limits = np.array(sorted(boundaries), np.float32)
    model.operator("BUCKETIZE", [x], [y], "BucketizeOptions", boundaries=limits)
    values = np.random.default_rng(seed).integers(-11, 11, shape).astype(kind.lower())
    check(model.finish([y]), [values], kernels=("scalar",))


@given(
    shape=SHAPES, low=st.floats(-8, 0, width=32), high=st.floats(0, 8, width=32), bits=st.integers(2, 16), seed=SEEDS,
)  # fmt: skip
@examples()
def test_fake_quant(shape: Shape, low: float, high: float, bits: int, seed: int) -> None:
    assume(high - low > 2**-10)
    model = Model()
    x, y = model.input(shape, "FLOAT32"), model.tensor(shape, "FLOAT32")
    model.operator("FAKE_QUANT", [x], [y], "FakeQuantOptions", min=low, max=high, numBits=bits, version=2)
    check(model.finish([y]), [random("FLOAT32", shape, seed) * np.float32(5)], kernels=("scalar",))


TYPES = ("FLOAT32", "INT8", "UINT8", "INT16", "INT32", "INT64")


@given(batch=st.lists(st.integers(1, 3), max_size=2), size=st.integers(1, 5), kind=st.sampled_from(TYPES), seed=SEEDS)
@examples()
def test_matrix_diag(batch: list[int], size: int, kind: str, seed: int) -> None:
    model = Model()
    x, y = model.input((*batch, size), kind, quantized(kind)), model.tensor((*batch, size, size), kind, quantized(kind))
    model.operator("MATRIX_DIAG", [x], [y], "MatrixDiagOptions")
    check(model.finish([y]), [random(kind, (*batch, size), seed)])


@given(
    batch=st.lists(st.integers(1, 3), max_size=2), size=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    kind=st.sampled_from(TYPES), seed=SEEDS,
)  # fmt: skip
@examples()
def test_matrix_set_diag(batch: list[int], size: tuple[int, int], kind: str, seed: int) -> None:
    shape, diagonal = (*batch, *size), (*batch, min(size))
    model = Model()
    x, d, y = (
        model.input(shape, kind, quantized(kind)),
        model.input(diagonal, kind, quantized(kind)),
        model.tensor(shape, kind, quantized(kind)),
    )
    model.operator("MATRIX_SET_DIAG", [x, d], [y], "MatrixSetDiagOptions")
    check(model.finish([y]), [random(kind, shape, seed), random(kind, diagonal, seed)])


@given(data=st.data(), shape=SHAPES, kind=st.sampled_from(TYPES), seed=SEEDS)
@examples()
def test_dilate(data: st.DataObject, shape: Shape, kind: str, seed: int) -> None:
    by = [data.draw(st.integers(1, 3)) for _ in shape]
    result = tuple((size - 1) * d + 1 for size, d in zip(shape, by))
    model = Model()
    x, y = model.input(shape, kind, quantized(kind)), model.tensor(result, kind, quantized(kind))
    between = model.constant(random(kind, (), seed), kind, quantized(kind))
    model.operator("DILATE", [x, model.constant(by, "INT32"), between], [y])
    check(model.finish([y]), [random(kind, shape, seed)])


@given(
    data=st.data(), shape=SHAPES, places=st.integers(1, 5),
    kind=st.sampled_from(["FLOAT32", "INT8", "UINT8", "INT32", "INT64"]),
    wide=st.booleans(), one=st.booleans(), seed=SEEDS,
)  # fmt: skip
@examples()
def test_sparse_to_dense(
    data: st.DataObject, shape: Shape, places: int, kind: str, wide: bool, one: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    index: Any = "INT64" if wide else "INT32"
    where = np.stack([rng.integers(0, size, places) for size in shape], axis=-1).astype(index.lower())
    if len(shape) == 1 and data.draw(st.booleans()):
        where = where[:, 0]
    model = Model()
    i = model.constant(where, index) if data.draw(st.booleans()) else model.input(where.shape, index)
    values = random(kind, () if one else (places,), seed)
    v, y = model.input(values.shape, kind, quantized(kind)), model.tensor(shape, kind, quantized(kind))
    otherwise = model.constant(random(kind, (), seed + 1), kind, quantized(kind))
    model.operator(
        "SPARSE_TO_DENSE", [i, model.constant(shape, index), v, otherwise], [y], "SparseToDenseOptions", version=3
    )
    check(model.finish([y]), [where] * (i in model._inputs) + [values])


@pytest.mark.parametrize("name", ["SUM", "PROD", "MAX", "MIN"])
@given(data=st.data(), shape=SHAPES, count=st.integers(1, 5), kind=st.sampled_from(["FLOAT32", "INT32"]), seed=SEEDS)
@examples()
def test_unsorted_segment(name: str, data: st.DataObject, shape: Shape, count: int, kind: str, seed: int) -> None:
    places = shape[: data.draw(st.integers(1, len(shape)))]
    segments = np.random.default_rng(seed).integers(-1, count, places).astype(np.int32)
    constant = data.draw(st.booleans())
    model = Model()
    x, s = model.input(shape, kind), model.constant(segments, "INT32") if constant else model.input(places, "INT32")
    y = model.tensor((count, *shape[len(places) :]), kind)
    options = f"UnsortedSegment{name.title()}Options"
    model.operator(f"UNSORTED_SEGMENT_{name}", [x, s, model.constant([count], "INT32")], [y], options)
    check(model.finish([y]), [random(kind, shape, seed)] + [segments] * (not constant), kernels=("scalar",))


def refused(name: str, *inputs: tuple[Any, str], shape: Shape = (4,), kind: str = "FLOAT32", **options: Any) -> str:
    """What the engine says of an operator of constants, and a first input of 2 times 3 floats."""
    model = Model()
    tensors = [model.input((2, 3), "FLOAT32"), *(model.constant(values, type_) for values, type_ in inputs)]
    y = model.tensor(shape, kind)
    table = {"BUCKETIZE": "BucketizeOptions", "FAKE_QUANT": "FakeQuantOptions"}.get(name)
    model.operator(name, tensors, [y], table, **options)
    with pytest.raises(NativeError) as caught:
        run_native(model.finish([y]), [np.zeros((2, 3), np.float32)])
    return str(caught.value)


def test_broken_ones_are_refused() -> None:
    assert "cannot dilate 3 elements by 0" in refused("DILATE", ([1, 0], "INT32"), (0.0, "FLOAT32"))
    assert "cannot dilate 3 elements by 2147483647" in refused("DILATE", ([1, 2**31 - 1], "INT32"), (0.0, "FLOAT32"))
    assert "a dilation for each dimension" in refused("DILATE", ([1], "INT32"), (0.0, "FLOAT32"))
    assert "do not go up" in refused("BUCKETIZE", kind="INT32", boundaries=np.array([2, 1], np.float32))
    assert "2 to 16 bits" in refused("FAKE_QUANT", min=-1.0, max=1.0, numBits=40)
    assert "a range with 0 in it" in refused("FAKE_QUANT", min=1.0, max=2.0, numBits=8)
    assert "do not fit its matrices" in refused("MATRIX_SET_DIAG", ([1.0, 2.0, 3.0], "FLOAT32"))
    assert "segment 9 is out of 3" in refused("UNSORTED_SEGMENT_SUM", ([0, 9], "INT32"), (3, "INT32"))
    assert "segments do not fit" in refused("UNSORTED_SEGMENT_SUM", ([0, 1, 2], "INT32"), (3, "INT32"))
    assert "dimension is not the 2 elements" in refused("BITCAST", kind="INT64")


def test_sparse_places_out_of_the_tensor_are_refused() -> None:
    model = Model()
    values = model.input((2,), "FLOAT32")
    places = [model.constant(v, "INT32") for v in ([[0, 1], [2, 4]], [3, 4])]
    y = model.tensor((3, 4), "FLOAT32")
    model.operator("SPARSE_TO_DENSE", [*places, values, model.constant(0.0, "FLOAT32")], [y], "SparseToDenseOptions")
    with pytest.raises(NativeError, match="index 4 is out of 4"):
        run_native(model.finish([y]), [np.zeros(2, np.float32)])
