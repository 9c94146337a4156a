"""Matrix products and pools of floats: within 1e-5 of LiteRT's range, and the same bits on every kernel set."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgequant_runtime import Session

from .conftest import examples
from .oracle import NativeError, check, check_close, run_native
from .single_op import NONE, RELU, SAME, VALID, Model
from .test_matrix_operators import ACTIVATIONS, BATCHES, SEEDS, Window, channels, factor_shapes, pairs, windows

pytestmark = pytest.mark.slow

LAYERS = ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"]


def layer_model(
    seed: int,
    window: Window,
    group: int,
    groups: int,
    columns: int,
    activation: int,
    kind: str,
    weights: str = "constant",
) -> bytes:
    """A layer of floats; `columns` for each group. Its weights are constant, or "computed": an input of the model."""
    rng = np.random.default_rng(seed)
    model = Model()
    depth = group * groups
    shapes = {
        "CONV_2D": (columns * groups, *window.taps, group),
        "DEPTHWISE_CONV_2D": (1, *window.taps, depth * columns),
        "FULLY_CONNECTED": (columns * groups, depth),
    }
    outputs = depth * columns if kind == "DEPTHWISE_CONV_2D" else columns * groups
    x = model.input((window.batch, *window.size, depth), "FLOAT32")
    values = rng.normal(size=shapes[kind])
    w = model.constant(values, "FLOAT32") if weights == "constant" else model.input(shapes[kind], "FLOAT32")
    b = model.constant(rng.normal(size=outputs), "FLOAT32")
    size = window.size if kind == "FULLY_CONNECTED" else window.output()
    y = model.tensor((window.batch, *size, outputs), "FLOAT32")
    fields: dict[str, Any] = {"fusedActivationFunction": activation}
    if kind == "FULLY_CONNECTED":
        model.operator(kind, [x, w, b], [y], "FullyConnectedOptions", version=2, keepNumDims=True, **fields)
    elif kind == "CONV_2D":
        model.operator(kind, [x, w, b], [y], "Conv2DOptions", version=2, **fields, **window.options())
    else:
        fields["depthMultiplier"] = columns
        model.operator(kind, [x, w, b], [y], "DepthwiseConv2DOptions", version=2, **fields, **window.options())
    return model.finish([y])


@pytest.mark.parametrize("kind", LAYERS)
@given(
    seed=SEEDS,
    window=windows,
    group=st.integers(1, 9),
    groups=st.integers(1, 3),
    columns=st.one_of(st.integers(1, 5), st.just(24)),
    activation=ACTIVATIONS,
)
@examples()
def test_layer(seed: int, window: Window, group: int, groups: int, columns: int, activation: int, kind: str) -> None:
    check_close(layer_model(seed, window, group, groups, columns, activation, kind), seed=seed)


@given(
    seed=SEEDS,
    batch=st.integers(1, 2),
    size=st.tuples(st.integers(7, 22), st.integers(7, 22)),
    depth=st.integers(2, 16),
    columns=st.integers(2, 16),
    activation=st.sampled_from([NONE, RELU]),  # others bound the range, not the sums that are rounded
    padding=st.sampled_from([SAME, VALID]),
)
@examples()
def test_convolution_in_tiles(
    seed: int, batch: int, size: tuple[int, int], depth: int, columns: int, activation: int, padding: int
) -> None:
    """3 x 3 taps, channels that are multiples of 4: Winograd's way where the tiles fit."""
    window = Window(batch, size, (3, 3), (1, 1), (1, 1), padding)
    check_close(layer_model(seed, window, 4 * depth, 1, 4 * columns, activation, "CONV_2D"), seed=seed)


@pytest.mark.parametrize("kind", ["CONV_2D", "FULLY_CONNECTED"])
@given(seed=SEEDS, window=windows, group=channels, columns=st.integers(1, 20))
@examples(4)
def test_layer_with_computed_weights(seed: int, window: Window, group: int, columns: int, kind: str) -> None:
    check_close(layer_model(seed, window, group, 1, columns, 0, kind, "computed"), seed=seed)


@pytest.mark.parametrize(("taps", "columns"), [((3, 3), 1), ((5, 4), 1), ((7, 7), 1), ((3, 2), 2)])
def test_depthwise_sums_have_the_order_of_xnnpack(taps: tuple[int, int], columns: int) -> None:
    """On a CPU with a fused multiply-add, such as the tests run on: what is quantized later hangs on the last bit."""
    window = Window(1, (12, 13), taps, (1, 1), (1, 1), VALID)
    check(layer_model(0, window, 1, 20, columns, 0, "DEPTHWISE_CONV_2D"))


def test_sessions_of_other_channels_share_depthwise_weights() -> None:
    """The file's sizes order the packed weights: a channel read four times has them as four that are read once."""
    rng = np.random.default_rng(0)
    weights, images = rng.normal(size=(1, 3, 3, 8)), rng.normal(size=(1, 6, 7, 4)).astype(np.float32)
    models = []
    for depth in (1, 4):
        free = (1, 6, 7, -1) if depth == 1 else None
        model = Model()
        x = model.input((1, 6, 7, depth), "FLOAT32", signature=free)
        twice = model.tensor((1, 6, 7, 2 * depth), "FLOAT32", signature=free)
        model.operator("CONCATENATION", [x, x], [twice], "ConcatenationOptions", axis=3)
        y = model.tensor((1, 6, 7, 8), "FLOAT32")
        window = Window(1, (6, 7), (3, 3), (1, 1), (1, 1), SAME)
        operands = [twice, model.constant(weights, "FLOAT32"), model.constant(np.zeros(8), "FLOAT32")]
        model.operator(
            "DEPTHWISE_CONV_2D", operands, [y], "DepthwiseConv2DOptions", depthMultiplier=1, **window.options()
        )
        models.append(model.finish([y]))
    free_channels, fixed_channels = (Session(model, engine="native").run(images, raw=True) for model in models)
    for ours, theirs in zip(free_channels.values(), fixed_channels.values(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("taps", [(2, 3), (3, 3), (7, 7)])
@pytest.mark.parametrize("padding", [SAME, VALID])
def test_averages_have_the_order_of_xnnpack(taps: tuple[int, int], padding: int) -> None:
    window = Window(1, (9, 8), taps, (2, 1), (1, 1), padding)
    check(pool_model(window, 20, 0, "AVERAGE_POOL_2D"))


def test_a_window_may_be_larger_than_the_image_by_far() -> None:
    """Only what is inside is gone through: this one has a hundred million pixels."""
    check(pool_model(Window(1, (9, 8), (31, 40), (2, 1), (1, 1), SAME), 20, 0, "AVERAGE_POOL_2D"))
    model = pool_model(Window(1, (3, 4), (1536, 65536), (1, 1), (1, 1), SAME), 5, 0, "AVERAGE_POOL_2D")
    image = np.random.default_rng(0).normal(size=(1, 3, 4, 5)).astype(np.float32)
    (averages,) = Session(model, engine="native").run(image).values()
    expected = np.broadcast_to(image.mean(axis=(1, 2), keepdims=True), image.shape)
    np.testing.assert_allclose(averages, expected, atol=1e-6)


def test_layers_that_are_done_in_chunks() -> None:
    """Enough weights and pixels that columns and pixels make several units."""
    window = Window(1, (20, 20), (3, 3), (1, 1), (1, 1), VALID)
    check_close(layer_model(0, window, 64, 1, 100, 0, "CONV_2D"))
    check_close(layer_model(0, Window(1, (1, 1), (1, 1), (1, 1), (1, 1), VALID), 700, 1, 999, 0, "FULLY_CONNECTED"))


@given(
    seed=SEEDS,
    batches=BATCHES,
    rows=st.integers(1, 30),
    depth=st.integers(1, 40),
    columns=st.integers(1, 40),
    adj=st.tuples(st.booleans(), st.booleans()),
    constant=st.booleans(),
)
@examples()
def test_batch_matrix_product(
    seed: int,
    batches: tuple[tuple[int, ...], tuple[int, ...]],
    rows: int,
    depth: int,
    columns: int,
    adj: tuple[bool, bool],
    constant: bool,
) -> None:
    model = Model()
    x_shape, y_shape = factor_shapes(batches, rows, depth, columns, adj)
    x = model.input(x_shape, "FLOAT32")
    values = np.random.default_rng(seed).normal(size=y_shape)
    y = model.constant(values, "FLOAT32") if constant else model.input(y_shape, "FLOAT32")
    out = model.tensor((*np.broadcast_shapes(*batches), rows, columns), "FLOAT32")
    model.operator("BATCH_MATMUL", [x, y], [out], "BatchMatMulOptions", version=2, adjX=adj[0], adjY=adj[1])
    check_close(model.finish([out]), seed=seed)


def pool_model(window: Window, depth: int, activation: int, kind: str) -> bytes:
    model = Model()
    x = model.input((window.batch, *window.size, depth), "FLOAT32")
    y = model.tensor((window.batch, *window.output(), depth), "FLOAT32")
    model.operator(
        kind, [x], [y], "Pool2DOptions", padding=window.padding, strideW=window.stride[1], strideH=window.stride[0],
        filterWidth=window.taps[1], filterHeight=window.taps[0], fusedActivationFunction=activation,
    )  # fmt: skip
    return model.finish([y])


@pytest.mark.parametrize("kind", ["AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D"])
@given(seed=SEEDS, window=windows, depth=st.integers(1, 20), activation=ACTIVATIONS)
@examples()
def test_pool(seed: int, window: Window, depth: int, activation: int, kind: str) -> None:
    window = Window(window.batch, window.size, window.taps, window.stride, (1, 1), window.padding)
    if min(window.output()) >= 1:
        check_close(pool_model(window, depth, activation, kind), seed=seed)


@given(seed=SEEDS, size=pairs(9), to=pairs(12), depth=st.integers(1, 9), align=st.booleans(), half=st.booleans())
@examples()
def test_resize_bilinear(
    seed: int, size: tuple[int, int], to: tuple[int, int], depth: int, align: bool, half: bool
) -> None:
    model = Model()
    x = model.input((2, *size, depth), "FLOAT32")
    y = model.tensor((2, *to, depth), "FLOAT32")
    shape = model.constant(to, "INT32")
    half = half and not align  # LiteRT refuses both
    model.operator(
        "RESIZE_BILINEAR",
        [x, shape],
        [y],
        "ResizeBilinearOptions",
        version=3,
        alignCorners=align,
        halfPixelCenters=half,
    )  # fmt: skip
    check_close(model.finish([y]), seed=seed)


@pytest.mark.parametrize(
    ("weights", "bias", "sentence"),
    [
        (("INT32", (4, 3)), ("FLOAT32", 4), "does not take an input 1 of type INT32"),
        (("FLOAT32", (4, 3)), ("FLOAT32", 5), "5 values for 4 output channels"),
        (("FLOAT32", (4, 3)), ("INT32", 4), "a bias of type INT32"),
    ],
)
def test_a_broken_layer_is_refused(weights: tuple[str, Any], bias: tuple[str, int], sentence: str) -> None:
    model = Model()
    x = model.input((2, 3), "FLOAT32")
    w, b = model.constant(np.ones(weights[1]), weights[0]), model.constant(np.ones(bias[1]), bias[0])
    y = model.tensor((2, 4), "FLOAT32")
    model.operator("FULLY_CONNECTED", [x, w, b], [y], "FullyConnectedOptions")
    with pytest.raises(NativeError, match=sentence):
        run_native(model.finish([y]), [np.zeros((2, 3), np.float32)])
