"""Pooling, means, sums, largest and smallest values and where they are, against LiteRT, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edgequant_runtime._memory import native_memory

from .conftest import examples
from .oracle import NativeError, check, run_native
from .single_op import NONE, RELU, RELU6, RELU_N1_TO_1, SAME, VALID, Model, Quantized

pytestmark = pytest.mark.slow

ACTIVATIONS = st.sampled_from([NONE, RELU, RELU_N1_TO_1, RELU6])
SEEDS = st.integers(0, 2**32 - 1)
SHAPES = st.lists(st.integers(1, 9), min_size=1, max_size=5).map(tuple)
CHANNELS = st.one_of(st.integers(1, 70), st.sampled_from([15, 16, 17, 31, 32, 33, 63, 64, 65]))
#: Ratios of scales that put many results half way between two values.
RATIOS = st.sampled_from([1.0, 0.5, 1 / 3, 0.75, 3.0, 1.5, 0.1, 0.7])


def pool(
    operator: str,
    shape: tuple[int, ...],
    window: tuple[int, int],
    stride: tuple[int, int],
    padding: int,
    **more: object,
) -> bytes:
    """A pooling operator; `more`: fused activation, scale, zero point, type."""
    quantized = Quantized(float(str(more.get("scale", 0.05))), int(str(more.get("zero_point", -3))))
    height, width = (
        (-(-size // step) if padding == SAME else (size - taps) // step + 1)
        for size, taps, step in zip(shape[1:3], window, stride)
    )
    model = Model()
    kind = str(more.get("type", "INT8"))
    x = model.input(shape, kind, quantized)
    y = model.tensor((shape[0], height, width, shape[3]), kind, quantized)
    model.operator(
        operator,
        [x],
        [y],
        "Pool2DOptions",
        version=2 if kind == "INT8" else 1,
        padding=padding,
        strideH=stride[0],
        strideW=stride[1],
        filterHeight=window[0],
        filterWidth=window[1],
        fusedActivationFunction=more.get("activation", NONE),
    )
    return model.finish([y])


@given(
    operator=st.sampled_from(["MAX_POOL_2D", "AVERAGE_POOL_2D"]),
    size=st.tuples(st.integers(1, 2), st.integers(1, 12), st.integers(1, 12), CHANNELS),
    window=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    stride=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    padding=st.sampled_from([SAME, VALID]),
    activation=ACTIVATIONS,
    scale=st.floats(0.005, 0.1),
    zero_point=st.integers(-128, 127),
    seed=SEEDS,
)
@examples()
def test_pool(
    operator: str,
    size: tuple[int, ...],
    window: tuple[int, int],
    stride: tuple[int, int],
    padding: int,
    activation: int,
    scale: float,
    zero_point: int,
    seed: int,
) -> None:
    assume(padding == SAME or (window[0] <= size[1] and window[1] <= size[2]))
    model = pool(operator, size, window, stride, padding, activation=activation, scale=scale, zero_point=zero_point)
    check(model, seed=seed)


@given(
    operator=st.sampled_from(["MAX_POOL_2D", "AVERAGE_POOL_2D"]),
    channels=CHANNELS,
    size=st.tuples(st.integers(2, 9), st.integers(2, 9)),
    zero_point=st.integers(0, 255),
    seed=SEEDS,
)
@examples(2)
def test_pool_uint8(operator: str, channels: int, size: tuple[int, int], zero_point: int, seed: int) -> None:
    model = pool(operator, (1, *size, channels), (2, 2), (1, 2), SAME, zero_point=zero_point, type="UINT8")
    check(model, seed=seed)


@given(size=st.tuples(st.integers(1, 2), st.integers(1, 30), st.integers(1, 30), CHANNELS), seed=SEEDS)
@examples(2)
def test_average_of_the_whole_image(size: tuple[int, ...], seed: int) -> None:
    check(pool("AVERAGE_POOL_2D", size, (size[1], size[2]), (1, 1), VALID), seed=seed)


def test_average_of_the_whole_image_needs_no_sums_of_columns() -> None:
    data = pool("AVERAGE_POOL_2D", (1, 8, 512, 16), (8, 512), (1, 1), VALID)
    assert native_memory(data).tensors < 8 * 512 * 16 + 4096  # the image, and a few bytes beside it


def reduction(
    operator: str,
    shape: tuple[int, ...],
    axes: list[int],
    keep: bool,
    scales: tuple[float, float],
    zeros: tuple[int, int],
    kind: str,
) -> bytes:
    model = Model()
    x = model.input(shape, kind, Quantized(scales[0], zeros[0]) if "INT8" in kind else None)
    indices = model.constant(np.array(axes, np.int32), "INT32")
    gone = {axis % len(shape) for axis in axes}
    out = [1 if i in gone else size for i, size in enumerate(shape) if keep or i not in gone]
    y = model.tensor(out, kind, Quantized(scales[1], zeros[1]) if "INT8" in kind else None)
    model.operator(operator, [x, indices], [y], "ReducerOptions", version=2, keepDims=keep)
    return model.finish([y])


@given(
    data=st.data(),
    operator=st.sampled_from(["MEAN", "SUM"]),
    shape=SHAPES,
    keep=st.booleans(),
    ratio=RATIOS,
    seed=SEEDS,
)
@examples()
def test_quantized_sums(
    data: st.DataObject, operator: str, shape: tuple[int, ...], keep: bool, ratio: float, seed: int
) -> None:
    axes = data.draw(
        st.lists(
            st.integers(-len(shape), len(shape) - 1),
            min_size=1,
            max_size=len(shape),
            unique_by=lambda a: a % len(shape),
        )
    )
    kind = data.draw(st.sampled_from(["INT8", "INT8", "UINT8"]))
    zero = st.integers(0, 255) if kind == "UINT8" else st.integers(-128, 127)
    scale = data.draw(st.floats(0.001, 0.1))
    count = float(np.prod([shape[axis] for axis in axes]))
    scales = (scale, scale / ratio * (count if operator == "SUM" else 1.0))
    check(reduction(operator, shape, axes, keep, scales, (data.draw(zero), data.draw(zero)), kind), seed=seed)


@given(
    size=st.tuples(st.integers(1, 2), st.integers(1, 20), st.integers(1, 20), CHANNELS),
    ratio=RATIOS,
    zeros=st.tuples(st.integers(-128, 127), st.integers(-128, 127)),
    seed=SEEDS,
)
@examples()
def test_mean_of_images(size: tuple[int, ...], ratio: float, zeros: tuple[int, int], seed: int) -> None:
    check(reduction("MEAN", size, [1, 2], True, (0.1, 0.1 / ratio), zeros, "INT8"), seed=seed)


@given(
    data=st.data(), operator=st.sampled_from(["REDUCE_MAX", "REDUCE_MIN"]), shape=SHAPES, keep=st.booleans(), seed=SEEDS
)
@examples()
def test_largest_and_smallest(
    data: st.DataObject, operator: str, shape: tuple[int, ...], keep: bool, seed: int
) -> None:
    axes = data.draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, max_size=len(shape), unique=True))
    kind = data.draw(st.sampled_from(["INT8", "UINT8", "INT32", "FLOAT32"]))
    check(reduction(operator, shape, axes, keep, (0.1, 0.1), (3, 3), kind), seed=seed)


@given(data=st.data(), operator=st.sampled_from(["MEAN", "SUM"]), shape=SHAPES, seed=SEEDS)
@examples(2)
def test_int32_sums(data: st.DataObject, operator: str, shape: tuple[int, ...], seed: int) -> None:
    axes = data.draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, max_size=len(shape), unique=True))
    check(reduction(operator, shape, axes, False, (1, 1), (0, 0), "INT32"), seed=seed)


@pytest.mark.parametrize("operator", ["MEAN", "SUM"])
def test_float_sums_in_order(operator: str) -> None:
    """Sums of floats depend on their order: along other axes than the last it is XNNPACK's."""
    check(reduction(operator, (1, 9, 8, 70), [1, 2], True, (1, 1), (0, 0), "FLOAT32"))


def test_float_mean_of_rows() -> None:
    """Along the last axis ours are exact to the last bit but one."""
    model = reduction("MEAN", (2, 50, 7), [2], False, (1, 1), (0, 0), "FLOAT32")
    x = np.random.default_rng(0).normal(size=(2, 50, 7)).astype(np.float32)
    np.testing.assert_array_equal(run_native(model, [x])[0], x.astype(np.float64).mean(2).astype(np.float32))


@given(
    data=st.data(),
    operator=st.sampled_from(["ARG_MAX", "ARG_MIN"]),
    shape=SHAPES,
    kind=st.sampled_from(["INT8", "UINT8", "INT32", "FLOAT32"]),
    result=st.sampled_from(["INT32", "INT64"]),
    seed=SEEDS,
)
@examples()
def test_arg(data: st.DataObject, operator: str, shape: tuple[int, ...], kind: str, result: str, seed: int) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    model = Model()
    x = model.input(shape, kind, Quantized(0.1, 3) if "INT8" in kind else None)
    which = model.constant(np.array(axis, np.int32), "INT32")
    y = model.tensor([size for i, size in enumerate(shape) if i != axis % len(shape)], result)
    options = "ArgMaxOptions" if operator == "ARG_MAX" else "ArgMinOptions"
    model.operator(operator, [x, which], [y], options, outputType=2 if result == "INT32" else 4, version=2)
    few = np.random.default_rng(seed).integers(0, 4, shape)  # many equal values
    types = {"INT8": np.int8, "UINT8": np.uint8, "INT32": np.int32, "FLOAT32": np.float32}
    check(model.finish([y]), [few.astype(types[kind])])


@pytest.mark.parametrize("axis", [4, -5])
def test_axes_out_of_range_are_refused(axis: int) -> None:
    model = Model()
    x = model.input((1, 2, 3, 4), "INT8", Quantized(0.1, 0))
    y = model.tensor((1, 1, 3, 4), "INT8", Quantized(0.1, 0))
    model.operator("MEAN", [x, model.constant(np.array([axis]), "INT32")], [y], "ReducerOptions", keepDims=True)
    with pytest.raises(NativeError, match="axis"):
        run_native(model.finish([y]), [np.zeros((1, 2, 3, 4), np.int8)])


# ---- the largest values ----


@given(
    shape=st.lists(st.integers(1, 40), min_size=1, max_size=3).map(tuple),
    k=st.integers(1, 40),
    kind=st.sampled_from(["FLOAT32", "INT8", "UINT8", "INT16", "INT32", "INT64"]),
    wide=st.booleans(),
    levels=st.sampled_from([2, 5, 2**15]),
    seed=SEEDS,
)
@examples()
def test_top_k(shape: tuple[int, ...], k: int, kind: str, wide: bool, levels: int, seed: int) -> None:
    """Few levels: equal values are frequent, and the first of them wins."""
    k = min(k, shape[-1])
    drawn = np.random.default_rng(seed).integers(-levels, levels, shape)
    model = Model()
    quantized = Quantized(0.1, 3) if kind in ("INT8", "UINT8") else None
    x = model.input(shape, kind, quantized)
    outputs = [
        model.tensor((*shape[:-1], k), kind, quantized),
        model.tensor((*shape[:-1], k), "INT32" if wide else "INT16"),
    ]
    which = model.constant(np.array(k), "INT16" if wide else "INT32")
    model.operator("TOPK_V2", [x, which], outputs, "TopKV2Options", version=3)
    values = {"FLOAT32": drawn / 8, "INT64": drawn * 2**40, "INT32": drawn * 2**12}.get(kind, drawn)
    check(model.finish(outputs), [values.astype(np.dtype(kind.lower()))])


@pytest.mark.parametrize(("k", "sentence"), [(5, "the 5 largest of 4 values"), (-1, "the -1 largest of 4 values")])
def test_top_k_of_more_than_there_are(k: int, sentence: str) -> None:
    model = Model()
    x, which = model.input((2, 4), "FLOAT32"), model.constant(np.array(k), "INT32")
    outputs = [model.tensor((2, 4), "FLOAT32"), model.tensor((2, 4), "INT32")]
    model.operator("TOPK_V2", [x, which], outputs, "TopKV2Options")
    with pytest.raises(NativeError, match=sentence):
        run_native(model.finish(outputs), [np.zeros((2, 4), np.float32)])


@pytest.mark.parametrize("kind", ["BOOL", "FLOAT16", "UINT16", "UINT32", "COMPLEX64"])
def test_top_k_refuses_other_types(kind: str) -> None:
    model = Model()
    x, which = model.input((2, 4), kind), model.constant(np.array(2), "INT32")
    outputs = [model.tensor((2, 2), kind), model.tensor((2, 2), "INT32")]
    model.operator("TOPK_V2", [x, which], outputs, "TopKV2Options")
    with pytest.raises(NativeError, match=f"does not take an input 0 of type {kind}"):
        run_native(model.finish(outputs), [])
