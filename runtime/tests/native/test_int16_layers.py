"""Layers with int16 activations and int8 weights against LiteRT, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from .conftest import examples
from .oracle import NativeError, check, run_native
from .single_op import NONE, Model, Quantized
from .test_matrix_operators import ACTIVATIONS, SEEDS, Window, channels, windows

pytestmark = pytest.mark.slow

#: LiteRT's default kernels, and its reference ones, which round otherwise where a layer has no bias of int64.
RESOLVERS = st.sampled_from(["default", "reference"])

WEIGHTS = st.sampled_from(["INT8", "INT8", "INT4"])
INT32, INT64 = 2, 4  # the schema's TensorType

OPTIONS = {
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
}


def layer_model(
    kind: str,
    seed: int,
    x_shape: tuple[int, ...],
    w_shape: tuple[int, ...],
    y_shape: tuple[int, ...],
    bias: str | None,
    weight_kind: str = "INT8",
    **options: Any,
) -> bytes:
    """A layer whose outputs use most of their range, and whose weights are per channel, per tensor, or all extreme."""
    rng = np.random.default_rng(seed)
    low, high = (-8, 8) if weight_kind == "INT4" else (-128, 128)
    columns, kept = y_shape[-1], rng.choice(["per_channel", "per_tensor", "extreme"])
    depth = int(np.prod(w_shape)) // columns
    x_scale = float(np.float32(np.exp(rng.uniform(-10, -4))))
    scales = np.exp(rng.uniform(-7, -4, 1 if kept == "per_tensor" else columns)).astype(np.float32)
    weights = rng.choice([low, high - 1], w_shape) if kept == "extreme" else rng.integers(low, high, w_shape)
    y_scale = high * 1.2 * np.sqrt(depth) * x_scale * float(scales.max()) * np.exp(rng.uniform(-2, 0))
    model = Model()
    x = model.input(x_shape, "INT16", Quantized(x_scale))
    axis = len(w_shape) - 1 if kind == "DEPTHWISE_CONV_2D" else 0
    inputs = [x, model.constant(weights, weight_kind, Quantized(scales, 0, axis if len(scales) > 1 else 0))]
    if bias is not None:
        values = bias_values(rng, bias, columns, depth)
        inputs.append(model.constant(values, bias, Quantized(scales * x_scale)))
    if kind != "DEPTHWISE_CONV_2D" and bias is not None:
        options["quantizedBiasType"] = INT32 if bias == "INT32" else INT64
    y = model.tensor(y_shape, "INT16", Quantized(y_scale))
    version = {"CONV_2D": 8, "DEPTHWISE_CONV_2D": 5, "FULLY_CONNECTED": 11}[kind]
    model.operator(kind, inputs, [y], OPTIONS[kind], version=version, **options)
    return model.finish([y])


def bias_values(rng: np.random.Generator, kind: str, columns: int, depth: int) -> NDArray[Any]:
    """Of the sums' size; or, of int64, beyond int32, where the outputs saturate."""
    if kind == "INT64" and rng.integers(0, 4) == 0:
        return rng.integers(-(2**33), 2**33, columns)
    return (rng.normal(size=columns) * 75 * 19000 * np.sqrt(depth)).clip(-(2**31), 2**31 - 1).astype(np.int64)


def conv_model(
    seed: int,
    window: Window,
    group: int,
    groups: int,
    columns: int,
    bias: str,
    activation: int,
    weight_kind: str = "INT8",
) -> bytes:
    return layer_model(
        "CONV_2D",
        seed,
        (window.batch, *window.size, group * groups),
        (columns * groups, *window.taps, group),
        (window.batch, *window.output(), columns * groups),
        bias,
        weight_kind,
        fusedActivationFunction=activation,
        **window.options(),
    )


@given(
    seed=SEEDS,
    window=windows,
    group=channels,
    groups=st.integers(1, 3),
    columns=channels,
    bias=st.sampled_from(["INT64", "INT64", "INT32"]),
    activation=ACTIVATIONS,
    resolver=RESOLVERS,
    weights=WEIGHTS,
)
@examples()
def test_convolution(
    seed: int,
    window: Window,
    group: int,
    groups: int,
    columns: int,
    bias: str,
    activation: int,
    resolver: str,
    weights: str,
) -> None:
    data = conv_model(seed, window, group, groups, columns, bias, activation, weights)
    check(data, resolver=resolver if bias == "INT64" else "default")


@given(
    seed=SEEDS,
    window=windows,
    depth=channels,
    multiplier=st.sampled_from([1, 1, 1, 2, 9]),
    bias=st.sampled_from(["INT64", None]),
    activation=ACTIVATIONS,
    resolver=RESOLVERS,
)
@examples()
def test_depthwise_convolution(
    seed: int, window: Window, depth: int, multiplier: int, bias: str | None, activation: int, resolver: str
) -> None:
    columns = depth * multiplier
    data = layer_model(
        "DEPTHWISE_CONV_2D",
        seed,
        (window.batch, *window.size, depth),
        (1, *window.taps, columns),
        (window.batch, *window.output(), columns),
        bias,
        fusedActivationFunction=activation,
        depthMultiplier=multiplier,
        **window.options(),
    )
    check(data, resolver=resolver)


@given(
    seed=SEEDS,
    lead=st.lists(st.integers(1, 6), min_size=1, max_size=3),
    depth=st.one_of(st.sampled_from([1, 8, 64, 640]), st.integers(1, 300)),
    columns=channels,
    activation=ACTIVATIONS,
    bias=st.sampled_from(["INT64", "INT32", None]),
    keep=st.booleans(),
    resolver=RESOLVERS,
    weights=WEIGHTS,
)
@examples()
def test_fully_connected(
    seed: int,
    lead: list[int],
    depth: int,
    columns: int,
    activation: int,
    bias: str | None,
    keep: bool,
    resolver: str,
    weights: str,
) -> None:
    y_shape = (*lead, columns) if keep else (int(np.prod(lead)), columns)
    options = {"fusedActivationFunction": activation, "keepNumDims": keep}
    data = layer_model("FULLY_CONNECTED", seed, (*lead, depth), (columns, depth), y_shape, bias, weights, **options)
    check(data, resolver=resolver if bias == "INT64" else "default")


def test_depthwise_int4_weights_are_refused() -> None:
    """LiteRT multiplies by the bytes that hold two of them each."""
    shape = (1, 4, 4, 2)
    options = {"strideW": 1, "strideH": 1, "depthMultiplier": 1}
    data = layer_model("DEPTHWISE_CONV_2D", 0, shape, (1, 1, 1, 2), shape, "INT64", "INT4", **options)
    with pytest.raises(NativeError, match="must not be int4"):
        run_native(data, [np.zeros(shape, np.int16)])


@given(
    seed=SEEDS,
    window=windows,
    depth=channels,
    activation=ACTIVATIONS,
    scale=st.sampled_from([0.01, 0.0001]),
    zero_point=st.sampled_from([0, 5]),
    kind=st.sampled_from(["AVERAGE_POOL_2D", "MAX_POOL_2D"]),
)
@examples()
def test_pool(seed: int, window: Window, depth: int, activation: int, scale: float, zero_point: int, kind: str) -> None:
    window.dilation = (1, 1)
    model = Model()
    x = model.input((window.batch, *window.size, depth), "INT16", Quantized(scale, zero_point))
    y = model.tensor((window.batch, *window.output(), depth), "INT16", Quantized(scale, zero_point))
    options = {key: value for key, value in window.options().items() if "dilation" not in key}
    size = {"filterHeight": window.taps[0], "filterWidth": window.taps[1], "fusedActivationFunction": activation}
    model.operator(kind, [x], [y], "Pool2DOptions", version=3, **size, **options)
    check(model.finish([y]), seed=seed)


@given(
    seed=SEEDS,
    shape=st.lists(st.integers(1, 60), min_size=1, max_size=3),
    reach=st.floats(0.1, 40),
    beta=st.sampled_from([1.0, 0.5, 2.3]),
)
@examples()
def test_softmax(seed: int, shape: list[int], reach: float, beta: float) -> None:
    """`reach` is the distance of the smallest value from the largest; the exponential has a table for up to 10."""
    rng = np.random.default_rng(seed)
    model = Model()
    scale = float(np.exp(rng.uniform(-12, -2)))
    x = model.input(shape, "INT16", Quantized(scale))
    y = model.tensor(shape, "INT16", Quantized(1 / 32768))
    model.operator("SOFTMAX", [x], [y], "SoftmaxOptions", version=3, beta=beta)
    most = int(np.clip(reach / 2 / scale / beta, 1, 32767))
    check(model.finish([y]), [rng.integers(-most, most + 1, shape).astype(np.int16)])


def test_sums_beyond_int32_are_exact() -> None:
    """2000 products of 2^22: an int32 holds 511 of them."""
    model = Model()
    x = model.input((1, 1, 1, 2000), "INT16", Quantized(1e-3))
    w = model.constant(np.full((9, 1, 1, 2000), -128), "INT8", Quantized(1e-2))
    b = model.constant(np.arange(9) << 28, "INT64", Quantized(1e-5))
    y = model.tensor((1, 1, 1, 9), "INT16", Quantized(4.0))
    options = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    model.operator("CONV_2D", [x, w, b], [y], "Conv2DOptions", version=8, quantizedBiasType=INT64, **options)
    check(model.finish([y]), [np.full((1, 1, 1, 2000), -32768, np.int16)])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"bias_type": "INT16"}, "bias must be int64 or int32"),
        ({"columns": 3}, "5 values for 3 output channels"),
        ({"zero_point": 7}, "zero points must be 0"),
        ({"scales": np.full(4, 0.1)}, "another number of scales"),
        ({"y_scale": 1e-9}, "more than 2\\^14"),
        ({"activation": 4}, "activation 4 is not supported"),
    ],
)
def test_a_broken_layer_is_refused(changes: dict[str, Any], sentence: str) -> None:
    given = {"bias_type": "INT64", "columns": 5, "zero_point": 0, "scales": 0.1, "y_scale": 0.1, "activation": NONE}
    given.update(changes)
    model = Model()
    x = model.input((2, 4), "INT16", Quantized(0.1, given["zero_point"]))
    w = model.constant(np.ones((given["columns"], 4)), "INT8", Quantized(given["scales"]))
    b = model.constant(np.zeros(5), given["bias_type"], Quantized(0.01))
    y = model.tensor((2, given["columns"]), "INT16", Quantized(given["y_scale"]))
    activation = given["activation"]
    model.operator("FULLY_CONNECTED", [x, w, b], [y], "FullyConnectedOptions", fusedActivationFunction=activation)
    with pytest.raises(NativeError, match=sentence):
        run_native(model.finish([y]), [np.zeros((2, 4), np.int16)])
