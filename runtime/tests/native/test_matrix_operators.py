"""Convolutions and fully connected layers against LiteRT, bit for bit; every example is a model of one operator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from .conftest import examples
from .fixed_point import rescale
from .oracle import NativeError, check, run_litert, run_native, seeded_inputs
from .single_op import NONE, RELU, RELU6, RELU_N1_TO_1, SAME, VALID, Model, Quantized

pytestmark = pytest.mark.slow

ACTIVATIONS = st.sampled_from([NONE, RELU, RELU_N1_TO_1, RELU6])
PADDINGS = st.sampled_from([SAME, VALID])
SEEDS = st.integers(0, 2**32 - 1)
# Of both factors of a matrix product.
BATCHES = st.sampled_from([((), ()), ((2,), (2,)), ((3,), ()), ((2, 1), (3,)), ((1, 2), (2, 2)), ((), (2,))])


@dataclass
class Layer:
    """Random quantization and weights around one layer, such that its outputs use their whole range."""

    rng: np.random.Generator
    kind: str  # of weights and scales: see `layers`

    def weights(self, shape: tuple[int, ...]) -> NDArray[Any]:
        if self.kind == "uint8":
            return self.rng.integers(0, 256, shape)
        if self.kind == "extreme":
            return self.rng.choice(np.array([-128, -127, 127, 0]), shape)
        low = -128 if self.kind == "minimum" else -127
        return self.rng.integers(low, 128, shape)

    def zero_point(self) -> int:
        extreme = self.rng.integers(0, 4) == 0
        value = int(self.rng.choice([-128, 127, 0])) if extreme else int(self.rng.integers(-128, 128))
        return value + 128 if self.kind == "uint8" else value

    def type(self) -> str:
        return "UINT8" if self.kind == "uint8" else "INT8"

    def input_scale(self) -> float:
        return float(np.exp(self.rng.uniform(-7, 1)))

    def weight_scale(self, columns: int) -> NDArray[Any]:
        spread = 0 if self.kind in ("uint8", "per_tensor") else 2
        scales: NDArray[Any] = np.exp(self.rng.uniform(-spread, 0, columns if spread else 1) - 5)
        return scales.astype(np.float32)

    def output_scale(self, input_scale: float, weight_scale: NDArray[Any], depth: int) -> float:
        typical = 75 * 75 * np.sqrt(depth) * input_scale * float(weight_scale.max())
        return float(typical / 100 * np.exp(self.rng.uniform(-2, 1)))

    def bias(self, columns: int, depth: int) -> NDArray[Any]:
        if self.kind == "extreme":
            return self.rng.integers(-(2**31), 2**31, columns)
        return (self.rng.normal(size=columns) * 75 * 75 * np.sqrt(depth)).astype(np.int64)


KINDS = ["per_channel", "per_tensor", "minimum", "extreme", "uint8"]
layers = st.builds(lambda seed, kind: Layer(np.random.default_rng(seed), kind), SEEDS, st.sampled_from(KINDS))


def add_layer(
    model: Model, layer: Layer, x: int, x_scale: float, weights: NDArray[Any], columns: int, axis: int, bias: str
) -> tuple[list[int], float]:
    """Weights and bias (random, zero or absent) as constants; returns the operator's inputs and an output scale."""
    scale = layer.weight_scale(columns)
    depth = weights.size // columns
    zero_point = int(layer.rng.integers(0, 256)) if layer.kind == "uint8" else 0
    w = model.constant(weights, layer.type(), Quantized(scale, zero_point, axis if len(scale) > 1 else 0))
    values = layer.bias(columns, depth) if bias == "random" else np.zeros(columns)
    b = [] if bias == "absent" else [model.constant(values, "INT32", Quantized(scale * x_scale))]
    return [x, w, *b], layer.output_scale(x_scale, scale, depth)


def quantized_input(model: Model, layer: Layer, shape: tuple[int, ...]) -> tuple[int, float]:
    scale = layer.input_scale()
    return model.input(shape, layer.type(), Quantized(scale, layer.zero_point())), scale


def out_size(size: int, taps: int, stride: int, dilation: int, padding: int) -> int:
    reach = (taps - 1) * dilation + 1
    return -(-size // stride) if padding == SAME else (size - reach) // stride + 1


@dataclass
class Window:
    batch: int
    size: tuple[int, int]
    taps: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: int

    def output(self) -> tuple[int, int]:
        y, x = (out_size(*of, self.padding) for of in zip(self.size, self.taps, self.stride, self.dilation))
        return y, x

    def options(self) -> dict[str, int]:
        return {
            "padding": self.padding,
            "strideH": self.stride[0],
            "strideW": self.stride[1],
            "dilationHFactor": self.dilation[0],
            "dilationWFactor": self.dilation[1],
        }


def pairs(most: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(1, most), st.integers(1, most))


def dilations() -> st.SearchStrategy[tuple[int, int]]:
    return st.one_of(st.just((1, 1)), pairs(3))


windows = st.builds(Window, st.integers(1, 3), pairs(12), pairs(5), pairs(3), dilations(), PADDINGS)
windows = windows.filter(lambda window: min(window.output()) > 0)
one_by_one = st.builds(Window, st.integers(1, 2), pairs(9), st.just((1, 1)), st.just((1, 1)), st.just((1, 1)), PADDINGS)
channels = st.one_of(st.sampled_from([1, 3, 4, 8, 16, 32, 64]), st.integers(1, 40))


def conv_model(
    layer: Layer, window: Window, group: int, groups: int, columns: int, activation: int, bias: str
) -> bytes:
    model = Model()
    x, x_scale = quantized_input(model, layer, (window.batch, *window.size, group * groups))
    weights = layer.weights((columns, *window.taps, group))
    inputs, y_scale = add_layer(model, layer, x, x_scale, weights, columns, 0, bias)
    shape = (window.batch, *window.output(), columns)
    y = model.tensor(shape, layer.type(), Quantized(y_scale, layer.zero_point()))
    options = window.options()
    model.operator("CONV_2D", inputs, [y], "Conv2DOptions", version=3, fusedActivationFunction=activation, **options)
    return model.finish([y])


@given(
    layer=layers,
    window=st.one_of(windows, one_by_one),
    group=channels,
    columns=channels,
    activation=ACTIVATIONS,
)
@examples()
def test_convolution(layer: Layer, window: Window, group: int, columns: int, activation: int) -> None:
    check(conv_model(layer, window, group, 1, columns, activation, "random"))


@given(seed=SEEDS, kind=st.sampled_from(KINDS), window=windows, channels=channels)
@examples(4)
def test_absent_bias_is_zero(seed: int, kind: str, window: Window, channels: int) -> None:
    """LiteRT wants a bias in int8 convolutions."""

    def conv(bias: str) -> bytes:
        return conv_model(Layer(np.random.default_rng(seed), kind), window, channels, 1, 5, RELU, bias)

    def depthwise(bias: str) -> bytes:
        return depthwise_model(Layer(np.random.default_rng(seed), kind), window, channels, 1, RELU, bias)

    check(conv("absent"), equivalent=conv("zero"))
    check(depthwise("absent"), equivalent=depthwise("zero"))


@given(layer=layers, window=windows, group=channels, groups=st.integers(2, 4), group_columns=st.integers(1, 12))
@examples()
def test_convolution_in_groups(layer: Layer, window: Window, group: int, groups: int, group_columns: int) -> None:
    check(conv_model(layer, window, group, groups, group_columns * groups, NONE, "random"))


# Large enough for several chunks of columns, for threads to share, and for tiles that cross lines and images.
LARGE = [
    (Window(1, (23, 29), (3, 3), (1, 1), (1, 1), SAME), 32, 1, 40),
    (Window(2, (15, 7), (3, 3), (2, 2), (1, 1), SAME), 64, 1, 200),
    (Window(3, (5, 5), (1, 1), (1, 1), (1, 1), VALID), 700, 1, 300),
    (Window(1, (40, 40), (3, 3), (2, 2), (1, 1), VALID), 3, 1, 24),
    (Window(1, (12, 12), (3, 3), (1, 1), (2, 1), SAME), 24, 4, 96),
    (Window(1, (1, 1), (1, 1), (1, 1), (1, 1), SAME), 1280, 1, 1000),
]


@pytest.mark.parametrize("kind", ["per_channel", "minimum", "uint8"])
@pytest.mark.parametrize(("window", "group", "groups", "columns"), LARGE)
def test_large_convolution(window: Window, group: int, groups: int, columns: int, kind: str) -> None:
    layer = Layer(np.random.default_rng(0), kind)
    check(conv_model(layer, window, group, groups, columns, NONE, "random"), threads=(1, 2, 3))


def depthwise_model(layer: Layer, window: Window, channels: int, multiplier: int, activation: int, bias: str) -> bytes:
    model = Model()
    columns = channels * multiplier
    x, x_scale = quantized_input(model, layer, (window.batch, *window.size, channels))
    inputs, y_scale = add_layer(model, layer, x, x_scale, layer.weights((1, *window.taps, columns)), columns, 3, bias)
    shape = (window.batch, *window.output(), columns)
    y = model.tensor(shape, layer.type(), Quantized(y_scale, layer.zero_point()))
    model.operator(
        "DEPTHWISE_CONV_2D",
        inputs,
        [y],
        "DepthwiseConv2DOptions",
        version=3,
        depthMultiplier=multiplier,
        fusedActivationFunction=activation,
        **window.options(),
    )
    return model.finish([y])


@given(layer=layers, window=windows, channels=channels, activation=ACTIVATIONS)
@examples()
def test_depthwise_convolution(layer: Layer, window: Window, channels: int, activation: int) -> None:
    check(depthwise_model(layer, window, channels, 1, activation, "random"))


@given(layer=layers, window=windows, channels=st.integers(1, 12), multiplier=st.integers(2, 9))
@examples()
def test_depthwise_convolution_with_a_multiplier(layer: Layer, window: Window, channels: int, multiplier: int) -> None:
    check(depthwise_model(layer, window, channels, multiplier, NONE, "random"))


def fully_connected_model(
    layer: Layer, shape: tuple[int, ...], columns: int, activation: int, bias: str, keep: bool
) -> bytes:
    model = Model()
    x, x_scale = quantized_input(model, layer, shape)
    weights = layer.weights((columns, shape[-1]))
    inputs, y_scale = add_layer(model, layer, x, x_scale, weights, columns, 0, bias)
    lead = shape[:-1] if keep else (int(np.prod(shape[:-1])),)
    y = model.tensor((*lead, columns), layer.type(), Quantized(y_scale, layer.zero_point()))
    model.operator(
        "FULLY_CONNECTED",
        inputs,
        [y],
        "FullyConnectedOptions",
        version=5,
        fusedActivationFunction=activation,
        keepNumDims=keep,
    )
    return model.finish([y])


@given(
    layer=layers,
    lead=st.lists(st.integers(1, 6), min_size=1, max_size=3),
    depth=st.one_of(st.sampled_from([1, 8, 64, 640]), st.integers(1, 300)),
    columns=channels,
    activation=ACTIVATIONS,
    bias=st.sampled_from(["random", "absent"]),
    keep=st.booleans(),
)
@examples()
def test_fully_connected(
    layer: Layer, lead: list[int], depth: int, columns: int, activation: int, bias: str, keep: bool
) -> None:
    check(fully_connected_model(layer, (*lead, depth), columns, activation, bias, keep))


def factor_shapes(
    batches: tuple[tuple[int, ...], tuple[int, ...]], rows: int, depth: int, columns: int, adj: tuple[bool, bool]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shapes of x (rows, depth) and y (depth, columns), transposed where `adj` says so."""
    x_shape = (*batches[0], depth, rows) if adj[0] else (*batches[0], rows, depth)
    y_shape = (*batches[1], columns, depth) if adj[1] else (*batches[1], depth, columns)
    return x_shape, y_shape


@given(
    seed=SEEDS,
    batches=BATCHES,
    rows=st.integers(1, 8),
    depth=st.integers(1, 80),
    columns=st.integers(1, 80),
    adj=st.tuples(st.booleans(), st.booleans()),
    constant=st.booleans(),
    asymmetric=st.booleans(),  # XNNPACK takes the others
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
    asymmetric: bool,
) -> None:
    layer = Layer(np.random.default_rng(seed), "per_tensor")
    model = Model()
    x_shape, y_shape = factor_shapes(batches, rows, depth, columns, adj)
    x, x_scale = quantized_input(model, layer, x_shape)
    y_scale, y_zero_point = layer.weight_scale(1), layer.zero_point() if asymmetric else 0
    if constant:
        y = model.constant(layer.weights(y_shape), "INT8", Quantized(y_scale, y_zero_point))
    else:
        y = model.input(y_shape, "INT8", Quantized(y_scale, y_zero_point))
    out_shape = (*np.broadcast_shapes(*batches), rows, columns)
    quantized = Quantized(layer.output_scale(x_scale, y_scale, depth), layer.zero_point())
    out = model.tensor(out_shape, "INT8", quantized)
    model.operator("BATCH_MATMUL", [x, y], [out], "BatchMatMulOptions", version=3, adjX=adj[0], adjY=adj[1])
    check(model.finish([out]))


@pytest.mark.parametrize("kind", ["CONV_2D", "DEPTHWISE_CONV_2D"])
@given(
    seed=SEEDS,
    window=windows,
    group=channels,
    groups=st.integers(1, 2),
    columns=channels,
    each=st.booleans(),
    activation=ACTIVATIONS,
)
@examples()
def test_int4_weights(
    kind: str, seed: int, window: Window, group: int, groups: int, columns: int, each: bool, activation: int
) -> None:
    """Of LiteRT's own kernels; scales of few bits make many halves."""
    rng = np.random.default_rng(seed)
    model = Model()
    depthwise = kind == "DEPTHWISE_CONV_2D"
    depth, multiplier = group * groups, min(columns, 3)
    outputs = depth * multiplier if depthwise else columns * groups
    w_scales = (rng.integers(1, 40, outputs if each or depthwise else 1) / 1024).astype(np.float32)
    x = model.input((window.batch, *window.size, depth), "INT8", Quantized(2**-6, int(rng.integers(-128, 128))))
    shape = (1, *window.taps, outputs) if depthwise else (outputs, *window.taps, group)
    axis = (3 if depthwise else 0) if len(w_scales) > 1 else 0
    w = model.constant(rng.integers(-8, 8, shape), "INT4", Quantized(w_scales, 0, axis))
    b = model.constant(rng.integers(-999, 999, outputs), "INT32", Quantized(w_scales * np.float32(2**-6)))
    y_shape = (window.batch, *window.output(), outputs)
    y = model.tensor(y_shape, "INT8", Quantized(2.0 ** int(rng.integers(-5, -1)), int(rng.integers(-128, 128))))
    options = {**window.options(), "fusedActivationFunction": activation}
    if depthwise:
        model.operator(kind, [x, w, b], [y], "DepthwiseConv2DOptions", version=6, depthMultiplier=multiplier, **options)
    else:
        model.operator(kind, [x, w, b], [y], "Conv2DOptions", version=7, **options)
    check(model.finish([y]), seed=seed)


@given(seed=SEEDS, depth=channels, columns=channels)
@examples()
def test_int4_differs_from_the_reference_kernel_in_ties_alone(seed: int, depth: int, columns: int) -> None:
    """A default interpreter takes ties of the second rounding up, LiteRT's reference kernel away from zero."""
    rng = np.random.default_rng(seed)
    input_, output = (Quantized(rng.uniform(0.005, 0.1), int(rng.integers(-128, 128))) for _ in range(2))
    scales = rng.uniform(0.001, 0.05, columns).astype(np.float32)
    weights, bias = rng.integers(-8, 8, (columns, 1, 1, depth)), rng.integers(-999, 999, columns)
    model = Model()
    operands = [
        model.input((1, 4, 5, depth), "INT8", input_),
        model.constant(weights, "INT4", Quantized(scales)),
        model.constant(bias, "INT32", Quantized(scales * np.float32(input_.scale))),
    ]
    y = model.tensor((1, 4, 5, columns), "INT8", output)
    model.operator("CONV_2D", operands, [y], "Conv2DOptions", version=7, padding=VALID, strideW=1, strideH=1)
    data = model.finish([y])
    inputs = seeded_inputs(data, seed)
    sums = (inputs[0].astype(np.int64) - input_.zero_point) @ weights.reshape(columns, depth).T + bias
    ratios = np.float64(np.float32(input_.scale)) * scales.astype(np.float64) / np.float64(np.float32(output.scale))
    for results, ties_up in ((run_litert(data, inputs, "reference"), False), (run_native(data, inputs), True)):
        scaled = [rescale(sums[..., n], ratio, ties_up=ties_up) for n, ratio in enumerate(ratios)]
        expected = np.clip(np.stack(scaled, axis=-1) + output.zero_point, -128, 127)
        np.testing.assert_array_equal(results[0], expected)


@given(
    layer=layers,
    window=windows,
    pad=st.tuples(*[st.integers(0, 3)] * 4),
    depth=channels,
    columns=channels,
    kind=st.sampled_from(["CONV_2D", "DEPTHWISE_CONV_2D"]),
)
@examples()
def test_padding_before_a_convolution(
    layer: Layer, window: Window, pad: tuple[int, int, int, int], depth: int, columns: int, kind: str
) -> None:
    """The convolution reads further around the image instead."""
    model = Model()
    x_scale, x_zero_point = layer.input_scale(), layer.zero_point()
    quantized = Quantized(x_scale, x_zero_point)
    height, width = window.size[0] + pad[0] + pad[1], window.size[1] + pad[2] + pad[3]
    x = model.input((window.batch, *window.size, depth), layer.type(), quantized)
    paddings = model.constant([[0, 0], pad[:2], pad[2:], [0, 0]], "INT32")
    padded = model.tensor((window.batch, height, width, depth), layer.type(), quantized)
    model.operator("PAD", [x, paddings], [padded], "PadOptions")
    window.size = (height, width)
    columns = columns if kind == "CONV_2D" else depth
    shape = (columns, *window.taps, depth) if kind == "CONV_2D" else (1, *window.taps, depth)
    axis = 0 if kind == "CONV_2D" else 3
    inputs, y_scale = add_layer(model, layer, padded, x_scale, layer.weights(shape), columns, axis, "random")
    y = model.tensor((window.batch, *window.output(), columns), layer.type(), Quantized(y_scale, layer.zero_point()))
    options = {"CONV_2D": "Conv2DOptions", "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions"}[kind]
    multiplier = {} if kind == "CONV_2D" else {"depthMultiplier": 1}
    model.operator(kind, inputs, [y], options, version=3, **multiplier, **window.options())
    check(model.finish([y]))


def broken_conv(**changes: Any) -> bytes:
    """A sound convolution but for the options or tensors that `changes` names."""
    given = {
        "weights": np.ones((4, 3, 3, 2)),
        "weight_type": "INT8",
        "weight_scale": [0.1],
        "bias": np.zeros(4),
        "bias_type": "INT32",
        "size": (1, 5, 5, 2),
        "stride": 1,
        "dilation": 1,
        "padding": SAME,
        "activation": NONE,
        **changes,
    }
    model = Model()
    x = model.input(given["size"], "INT8", Quantized(0.1, 0))
    w = model.constant(given["weights"], given["weight_type"], Quantized(given["weight_scale"], 0))
    b = model.constant(given["bias"], given["bias_type"], Quantized(0.01))
    y = model.tensor((1, 5, 5, 4), "INT8", Quantized(0.1, 0))
    model.operator(
        "CONV_2D",
        [x, w, b],
        [y],
        "Conv2DOptions",
        padding=given["padding"],
        strideH=given["stride"],
        strideW=given["stride"],
        dilationHFactor=given["dilation"],
        dilationWFactor=1,
        fusedActivationFunction=given["activation"],
    )
    return model.finish([y])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"stride": 0}, "must be 1 or more"),
        ({"stride": -1}, "must be 1 or more"),
        ({"dilation": 0}, "must be 1 or more"),
        ({"dilation": 2**31 - 1}, "does not fit"),
        ({"dilation": 3, "padding": VALID}, "does not fit"),
        ({"padding": 7}, "padding 7 does not exist"),
        ({"activation": 4}, "activation 4 is not supported"),
        ({"weights": np.ones((4, 3, 3, 3))}, "groups of 3"),
        ({"weights": np.ones((3, 3, 3, 1)), "bias": np.zeros(3)}, "groups of 1"),
        ({"weights": np.ones((4, 3, 2))}, "four dimensions"),
        ({"size": (5, 5, 2)}, "four dimensions"),
        ({"weights": np.ones((4, 3, 3, 2)), "weight_type": "FLOAT32"}, "weights must be int8"),
        ({"bias": np.zeros(3)}, "3 values for 4 output channels"),
        ({"bias_type": "INT64"}, "int32"),
    ],
)
def test_a_broken_convolution_is_refused(changes: dict[str, Any], sentence: str) -> None:
    data = broken_conv(**changes)
    size = changes.get("size", (1, 5, 5, 2))
    with pytest.raises(NativeError, match=sentence):
        run_native(data, [np.zeros(size, np.int8)])


def test_the_broken_convolution_is_sound_without_changes() -> None:
    check(broken_conv())
