"""Dynamic range, int8 weights with float inputs: within 1e-5 of LiteRT, the same bits on every kernel set."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgequant_runtime import Session

from .conftest import examples
from .oracle import Array, NativeError, check_close, run_native
from .single_op import NONE, SAME, Model, Quantized
from .test_matrix_operators import ACTIVATIONS, SEEDS, VALID, Window, channels, windows

pytestmark = pytest.mark.slow


def scales(rng: np.random.Generator, columns: int, each: bool, axis: int = 0) -> Quantized:
    values = rng.uniform(0.002, 0.03, columns if each else 1).astype(np.float32)
    return Quantized(values, np.zeros(len(values), np.int64), axis if each else 0)


def inputs(rng: np.random.Generator, shape: tuple[int, ...]) -> list[Array]:
    """Each image and vector has a range of its own; some are zero, some have one sign."""
    x = rng.normal(size=shape) * rng.choice([0.0, 1.0, 50.0], (*shape[:-1], 1)) + rng.choice([-9.0, 0.0, 9.0])
    return [x.astype(np.float32)]


def layer(
    rng: np.random.Generator,
    window: Window,
    group: int,
    groups: int,
    columns: int,
    kind: str,
    each: bool,
    activation: int,
) -> tuple[bytes, tuple[int, ...]]:
    model = Model()
    depth = group * groups
    depthwise = kind == "DEPTHWISE_CONV_2D"
    shapes = {
        "CONV_2D": (columns * groups, *window.taps, group),
        "DEPTHWISE_CONV_2D": (1, *window.taps, depth * columns),
        "FULLY_CONNECTED": (columns * groups, depth),
    }
    outputs = depth * columns if depthwise else columns * groups
    shape = (window.batch, *window.size, depth)
    x = model.input(shape, "FLOAT32")
    w = model.constant(rng.integers(-127, 128, shapes[kind]), "INT8", scales(rng, outputs, each, 3 if depthwise else 0))
    b = model.constant(rng.normal(size=outputs), "FLOAT32")
    y = model.tensor(
        (window.batch, *(window.size if kind == "FULLY_CONNECTED" else window.output()), outputs), "FLOAT32"
    )
    fields: dict[str, Any] = {"fusedActivationFunction": activation}
    if kind == "FULLY_CONNECTED":
        model.operator(kind, [x, w, b], [y], "FullyConnectedOptions", version=9, keepNumDims=True, **fields)
    elif kind == "CONV_2D":
        model.operator(kind, [x, w, b], [y], "Conv2DOptions", version=5, **fields, **window.options())
    else:
        fields["depthMultiplier"] = columns
        model.operator(kind, [x, w, b], [y], "DepthwiseConv2DOptions", version=6, **fields, **window.options())
    return model.finish([y]), shape


@pytest.mark.parametrize("kind", ["CONV_2D", "FULLY_CONNECTED"])
@given(
    seed=SEEDS,
    window=windows,
    group=channels,
    groups=st.integers(1, 2),
    columns=st.one_of(st.integers(1, 9), st.just(70)),
    each=st.booleans(),
    activation=ACTIVATIONS,
)
@examples()
def test_layer(
    seed: int, window: Window, group: int, groups: int, columns: int, each: bool, activation: int, kind: str
) -> None:
    rng = np.random.default_rng(seed)
    data, shape = layer(rng, window, group, groups, columns, kind, each, activation)
    check_close(data, inputs(rng, shape))


@given(seed=SEEDS, window=windows, depth=channels, columns=st.integers(1, 3), activation=ACTIVATIONS)
@examples()
def test_depthwise_convolution(seed: int, window: Window, depth: int, columns: int, activation: int) -> None:
    """LiteRT takes it with a scale for each channel only."""
    rng = np.random.default_rng(seed)
    data, shape = layer(rng, window, depth, 1, columns, "DEPTHWISE_CONV_2D", True, activation)
    check_close(data, inputs(rng, shape))


@given(seed=SEEDS, low=st.floats(-4, 0, width=32), high=st.floats(0.125, 8, width=32), one_ranged=st.booleans())
@examples()
def test_values_half_way_between_two_integers(seed: int, low: float, high: float, one_ranged: bool) -> None:
    """The zero point is added to what is rounded, and scales are divided in double."""
    rng = np.random.default_rng(seed)
    shape, channels = (1, 4, 5, 24), 24
    low = 0.0 if one_ranged else low
    scale = np.float32((high - low) / 255)
    ties = (np.rint(low / scale) + rng.integers(0, 255, shape) + 0.5) * scale
    x = np.nextafter(ties.astype(np.float32), rng.choice([-9, 9], shape).astype(np.float32))
    x = np.where(np.abs(x) > scale, x, 0).clip(low, high).astype(np.float32)  # LiteRT on x86: see docs/arithmetic.md
    x.flat[:2] = low, high
    model = Model()
    w = model.constant(np.ones((1, 1, 1, channels)), "INT8", Quantized(np.ones(channels), np.zeros(channels), 3))
    operands = [model.input(shape, "FLOAT32"), w, model.constant(np.zeros(channels), "FLOAT32")]
    y = model.tensor(shape, "FLOAT32")
    window = Window(1, shape[1:3], (1, 1), (1, 1), (1, 1), VALID)
    fields: dict[str, Any] = {"depthMultiplier": 1, **window.options()}
    model.operator("DEPTHWISE_CONV_2D", operands, [y], "DepthwiseConv2DOptions", version=6, **fields)
    check_close(model.finish([y]), [x])


@given(
    seed=SEEDS,
    batches=st.sampled_from([((), ()), ((2,), (2,)), ((3,), ()), ((2, 2), (2,)), ((1, 2), (1, 2))]),
    rows=st.integers(1, 20),
    depth=st.integers(1, 40),
    columns=st.integers(1, 80),
    adj_y=st.booleans(),
    each=st.booleans(),
)
@examples()
def test_matrix_product(
    seed: int,
    batches: tuple[tuple[int, ...], tuple[int, ...]],
    rows: int,
    depth: int,
    columns: int,
    adj_y: bool,
    each: bool,
) -> None:
    rng = np.random.default_rng(seed)
    model = Model()
    shape = (*batches[0], rows, depth)
    x = model.input(shape, "FLOAT32")
    y_shape = (*batches[1], columns, depth) if adj_y else (*batches[1], depth, columns)
    axis = len(y_shape) - (2 if adj_y else 1)
    y = model.constant(rng.integers(-127, 128, y_shape), "INT8", scales(rng, columns, each, axis))
    out = model.tensor((*np.broadcast_shapes(*batches), rows, columns), "FLOAT32")
    model.operator("BATCH_MATMUL", [x, y], [out], "BatchMatMulOptions", version=4, adjY=adj_y)
    check_close(model.finish([out]), inputs(rng, shape))


def test_ranges_without_bounds_do_not_crash() -> None:
    """Infinite values and NaN have no scale; results are of no use, but the same everywhere."""
    rng = np.random.default_rng(0)
    window = Window(1, (2, 2), (1, 1), (1, 1), (1, 1), VALID)
    for kind in ("FULLY_CONNECTED", "DEPTHWISE_CONV_2D"):
        data, shape = layer(rng, window, 4, 1, 1, kind, True, 0)
        for value in (np.inf, -np.inf, np.nan, 3e38, 1e-45):
            assert run_native(data, [np.full(shape, value, np.float32)])[0].shape[:3] == shape[:3]


def test_weights_with_a_zero_point_are_refused() -> None:
    model = Model()
    x = model.input((2, 3), "FLOAT32")
    w = model.constant(np.ones((4, 3)), "INT8", Quantized(0.1, 3))
    y = model.tensor((2, 4), "FLOAT32")
    model.operator("FULLY_CONNECTED", [x, w, -1], [y], "FullyConnectedOptions")
    with pytest.raises(NativeError, match="only with the zero point 0"):
        run_native(model.finish([y]), [np.zeros((2, 3), np.float32)])


def side_by_side(*taps: tuple[int, int]) -> bytes:
    """Convolutions of one input with a stride of 2, each with as many taps."""
    rng, model = np.random.default_rng(5), Model()
    x, made = model.input((2, 9, 11, 8), "FLOAT32"), []
    for height, width in taps:
        w = model.constant(rng.integers(-127, 128, (12, height, width, 8)), "INT8", scales(rng, 12, True))
        b, y = model.constant(rng.normal(size=12), "FLOAT32"), model.tensor((2, 5, 6, 12), "FLOAT32")
        fields = {"padding": SAME, "strideH": 2, "strideW": 2, "fusedActivationFunction": NONE}
        model.operator("CONV_2D", [x, w, b], [y], "Conv2DOptions", version=5, **fields)
        made.append(y)
    return model.finish(made)


@pytest.mark.parametrize(
    ("taps", "steps"),
    [(((3, 3), (1, 1)), 3), (((3, 3), (3, 3)), 3), (((5, 3), (3, 1), (1, 3)), 4), (((1, 1), (3, 3)), 4)],
)
def test_layers_side_by_side_quantize_their_input_once(taps: tuple[tuple[int, int], ...], steps: int) -> None:
    """Where the first has the widest halo, as before a shortcut."""
    data = side_by_side(*taps)
    check_close(data, inputs(np.random.default_rng(6), (2, 9, 11, 8)))
    assert len(Session(data, engine="native", profile=True).profile()) == steps


@pytest.mark.parametrize("first", ["wide", "deep"])
def test_an_image_in_two_shapes_is_quantized_for_each(first: str) -> None:
    """Lines of as many values, of other pixels: what a halo puts beside them differs."""
    rng, model = np.random.default_rng(8), Model()
    x, wide, deep = model.input((1, 6, 8, 8), "FLOAT32"), (1, 6, 8, 8), (1, 6, 4, 16)
    made = []
    for shape in (wide, deep) if first == "wide" else (deep, wide):
        image = x
        if shape == deep:
            image = model.tensor(deep, "FLOAT32")
            model.operator("RESHAPE", [x, model.constant(deep, "INT32")], [image], "ReshapeOptions", newShape=deep)
        w = model.constant(rng.integers(-127, 128, (12, 3, 3, shape[3])), "INT8", scales(rng, 12, True))
        b, y = model.constant(rng.normal(size=12), "FLOAT32"), model.tensor((*shape[:3], 12), "FLOAT32")
        fields = {"padding": SAME, "strideH": 1, "strideW": 1, "fusedActivationFunction": NONE}
        model.operator("CONV_2D", [image, w, b], [y], "Conv2DOptions", version=5, **fields)
        made.append(y)
    check_close(model.finish(made), inputs(rng, wide))


def test_queries_keys_and_values_quantize_their_input_once() -> None:
    rng, model = np.random.default_rng(7), Model()
    x, made = model.input((5, 16), "FLOAT32"), []
    for columns in (16, 16, 9):
        w = model.constant(rng.integers(-127, 128, (columns, 16)), "INT8", scales(rng, columns, True))
        made.append(model.tensor((5, columns), "FLOAT32"))
        fields = {"keepNumDims": True, "fusedActivationFunction": NONE}
        model.operator("FULLY_CONNECTED", [x, w, -1], made[-1:], "FullyConnectedOptions", version=9, **fields)
    data = model.finish(made)
    check_close(data, inputs(rng, (5, 16)))
    assert len(Session(data, engine="native", profile=True).profile()) == 4
