"""Transposed convolutions of every type against LiteRT; every example is a model of one operator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from .conftest import examples
from .oracle import NativeError, check, check_close, run_native
from .single_op import NONE, SAME, Model, Quantized
from .test_dynamic_layers import inputs, scales
from .test_matrix_operators import (
    ACTIVATIONS,
    PADDINGS,
    SEEDS,
    Layer,
    add_layer,
    channels,
    layers,
    pairs,
    quantized_input,
)

pytestmark = pytest.mark.slow


@dataclass
class Shape:
    """`extra` pixels more (VALID) or fewer (SAME) than the smallest (largest) output that fits the input."""

    size: tuple[int, int]
    extra: tuple[int, int]
    taps: tuple[int, int]
    stride: tuple[int, int]
    padding: int
    depth: int
    columns: int

    def output(self) -> tuple[int, int]:
        if self.padding == SAME:
            y, x = (n * s - e % s for n, s, e in zip(self.size, self.stride, self.extra))
        else:
            y, x = ((n - 1) * s + k + e % s for n, s, k, e in zip(self.size, self.stride, self.taps, self.extra))
        return y, x

    def add(self, model: Model, x: int, weights: int, bias: list[int], y: int, activation: int = NONE) -> bytes:
        """Finish the model with the operator."""
        shape = model.constant([2, *self.output(), self.columns], "INT32")
        model.operator(
            "TRANSPOSE_CONV",
            [shape, weights, x, *bias],
            [y],
            "TransposeConvOptions",
            version=4,
            padding=self.padding,
            strideH=self.stride[0],
            strideW=self.stride[1],
            fusedActivationFunction=activation,
        )
        return model.finish([y])


shapes = st.builds(
    Shape, pairs(8), st.tuples(st.integers(0, 2), st.integers(0, 2)), pairs(5), pairs(3), PADDINGS, channels, channels
)
BIASES = st.sampled_from(["random", "absent"])


@given(layer=layers, shape=shapes, bias=BIASES)
@examples()
def test_int8(layer: Layer, shape: Shape, bias: str) -> None:
    model = Model()
    x, x_scale = quantized_input(model, layer, (2, *shape.size, shape.depth))
    weights = layer.weights((shape.columns, *shape.taps, shape.depth))
    (_, w, *b), y_scale = add_layer(model, layer, x, x_scale, weights, shape.columns, 0, bias)
    y = model.tensor((2, *shape.output(), shape.columns), layer.type(), Quantized(y_scale, layer.zero_point()))
    check(shape.add(model, x, w, b, y))


def float_model(
    seed: int, shape: Shape, activation: int, bias: str, kind: str = "FLOAT32", computed: bool = False
) -> bytes:
    """Weights of a kind; `computed` ones are an input of the model."""
    rng = np.random.default_rng(seed)
    model = Model()
    x = model.input((2, *shape.size, shape.depth), "FLOAT32")
    values = rng.normal(size=(shape.columns, *shape.taps, shape.depth))
    w = model.input(values.shape, "FLOAT32") if computed else model.constant(values, kind)
    b = [] if bias == "absent" else [model.constant(rng.normal(size=shape.columns), "FLOAT32")]
    y = model.tensor((2, *shape.output(), shape.columns), "FLOAT32")
    return shape.add(model, x, w, b, y, activation)


@given(seed=SEEDS, shape=shapes, activation=ACTIVATIONS, bias=BIASES, computed=st.booleans())
@examples()
def test_float32(seed: int, shape: Shape, activation: int, bias: str, computed: bool) -> None:
    check_close(float_model(seed, shape, activation, bias, computed=computed), seed=seed)


@given(seed=SEEDS, shape=shapes)
@examples()
def test_float16_weights(seed: int, shape: Shape) -> None:
    """LiteRT takes them where XNNPACK does, so that the widened ones are the oracle."""
    half = float_model(seed, shape, NONE, "random", "FLOAT16")
    rng = np.random.default_rng(seed)
    model = Model()
    x = model.input((2, *shape.size, shape.depth), "FLOAT32")
    w = model.constant(rng.normal(size=(shape.columns, *shape.taps, shape.depth)).astype(np.float16), "FLOAT32")
    b = model.constant(rng.normal(size=shape.columns), "FLOAT32")
    y = model.tensor((2, *shape.output(), shape.columns), "FLOAT32")
    check_close(half, equivalent=shape.add(model, x, w, [b], y), seed=seed)


@given(seed=SEEDS, shape=shapes, activation=ACTIVATIONS, bias=BIASES, each=st.booleans())
@examples()
def test_dynamic_range(seed: int, shape: Shape, activation: int, bias: str, each: bool) -> None:
    if any(taps < stride for taps, stride in zip(shape.taps, shape.stride)):
        activation = NONE  # LiteRT's own kernel rounds floats otherwise, which shows where most of them are cut off
    rng = np.random.default_rng(seed)
    model = Model()
    x = model.input((2, *shape.size, shape.depth), "FLOAT32")
    values = rng.integers(-127, 128, (shape.columns, *shape.taps, shape.depth))
    w = model.constant(values, "INT8", scales(rng, shape.columns, each))
    b = [] if bias == "absent" else [model.constant(rng.normal(size=shape.columns), "FLOAT32")]
    y = model.tensor((2, *shape.output(), shape.columns), "FLOAT32")
    check_close(shape.add(model, x, w, b, y, activation), inputs(rng, (2, *shape.size, shape.depth)))


@given(
    seed=SEEDS,
    shape=shapes,
    activation=ACTIVATIONS,
    bias=BIASES,
    each=st.booleans(),
)
@examples()
def test_int16(seed: int, shape: Shape, activation: int, bias: str, each: bool) -> None:
    check(int16_model(seed, shape, activation, None if bias == "absent" else "INT64", each), seed=seed)


def test_an_int32_bias_of_int16_is_refused() -> None:
    """LiteRT reads it as int64."""
    shape = Shape((2, 2), (0, 0), (1, 1), (1, 1), SAME, 3, 4)
    with pytest.raises(NativeError, match="bias must be int64"):
        run_native(int16_model(0, shape, NONE, "INT32", False), [np.zeros((2, 2, 2, 3), np.int16)])


def int16_model(seed: int, shape: Shape, activation: int, bias: str | None, each: bool) -> bytes:
    rng = np.random.default_rng(seed)
    model = Model()
    x = model.input((2, *shape.size, shape.depth), "INT16", Quantized(0.001))
    values = rng.integers(-128, 128, (shape.columns, *shape.taps, shape.depth))
    quantized = scales(rng, shape.columns, each)
    w = model.constant(values, "INT8", quantized)
    b = [] if bias is None else [model.constant(rng.integers(-(1 << 30), 1 << 30, shape.columns), bias)]
    y = model.tensor((2, *shape.output(), shape.columns), "INT16", Quantized(0.05 * np.sqrt(shape.depth)))
    return shape.add(model, x, w, b, y, activation)


def test_what_no_tap_reaches_is_the_bias() -> None:
    """Also where the input is infinite: nothing is multiplied by zero."""
    shape = Shape((2, 2), (0, 0), (1, 1), (2, 2), SAME, 3, 4)
    found = run_native(float_model(0, shape, NONE, "random"), [np.full((2, 2, 2, 3), np.inf, np.float32)])[0]
    rng = np.random.default_rng(0)
    rng.normal(size=(4, 1, 1, 3))
    assert np.array_equal(found[:, 1::2, 1::2], np.broadcast_to(rng.normal(size=4).astype(np.float32), (2, 2, 2, 4)))


@pytest.mark.parametrize(
    ("shape", "fields", "sentence"),
    [
        ((2, 3, 3, 5), {}, "do not fit"),
        ((2, 3, 3, 4), {"padding": 7}, "padding or strides"),
        ((2, 3, 3, 4), {"strideH": 0}, "padding or strides"),
        ((2, 3, 3, 4), {"strideH": 5000}, "too large"),
        ((2, 3, 3, 4), {"fusedActivationFunction": 4}, "activation 4"),
        ((2, 2**20, 2**20, 4), {}, "memory limit"),
    ],
)
def test_a_broken_operator_is_refused(shape: tuple[int, ...], fields: dict[str, Any], sentence: str) -> None:
    model = Model()
    x = model.input((2, 3, 3, 3), "FLOAT32")
    inputs = [model.constant(shape, "INT32"), model.constant(np.ones((4, 3, 3, 3)), "FLOAT32"), x]
    y = model.tensor((2, 3, 3, 4), "FLOAT32")
    options = {"strideH": 1, "strideW": 1, **fields}
    model.operator("TRANSPOSE_CONV", inputs, [y], "TransposeConvOptions", **options)
    with pytest.raises(NativeError, match=sentence):
        run_native(model.finish([y]), [np.zeros((2, 3, 3, 3), np.float32)])
