"""Convolutions of volumes (batch, depth, height, width, channels): within 1e-5 of LiteRT, one result on every set."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from .conftest import examples
from .oracle import NativeError, check_close, run_native
from .single_op import SAME, VALID, Model
from .test_matrix_operators import ACTIVATIONS, SEEDS

pytestmark = pytest.mark.slow

AXES = st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 6))
TAPS = STRIDES = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))
Axes = tuple[int, int, int]


def options(padding: int, stride: Axes, **more: Any) -> dict[str, Any]:
    return {"padding": padding, "strideD": stride[0], "strideH": stride[1], "strideW": stride[2], **more}


def outputs(size: int, taps: int, stride: int, dilation: int, padding: int) -> int:
    room = size if padding == SAME else size - (taps - 1) * dilation
    return -(-room // stride)


def values(model: Model, constant: bool, shape: tuple[int, ...], rng: np.random.Generator) -> int:
    return model.constant(rng.normal(size=shape), "FLOAT32") if constant else model.input(shape, "FLOAT32")


@given(
    seed=SEEDS, size=AXES, taps=TAPS, stride=STRIDES, dilation=TAPS, channels=st.integers(1, 7),
    columns=st.integers(1, 20), batch=st.integers(1, 2), padding=st.sampled_from([SAME, VALID]), activation=ACTIVATIONS,
    constant=st.booleans(), bias=st.booleans(),
)  # fmt: skip
@examples()
def test_convolution(
    seed: int, size: Axes, taps: Axes, stride: Axes, dilation: Axes, channels: int, columns: int, batch: int,
    padding: int, activation: int, constant: bool, bias: bool,
) -> None:  # fmt: skip
    out = [outputs(*axis, padding) for axis in zip(size, taps, stride, dilation)]
    if min(out) < 1:
        return
    rng, model = np.random.default_rng(seed), Model()
    inputs = [model.input((batch, *size, channels), "FLOAT32")]
    inputs += [values(model, constant, (*taps, channels, columns), rng)]
    inputs += [values(model, constant, (columns,), rng)] if bias else []
    y = model.tensor((batch, *out, columns), "FLOAT32")
    dilations = dict(zip(("dilationDFactor", "dilationHFactor", "dilationWFactor"), dilation))
    fields = options(padding, stride, fusedActivationFunction=activation, **dilations)
    model.operator("CONV_3D", inputs, [y], "Conv3DOptions", **fields)
    check_close(model.finish([y]), seed=seed)


@given(
    seed=SEEDS, size=AXES, taps=TAPS, stride=STRIDES, channels=st.integers(1, 7), columns=st.integers(1, 20),
    batch=st.integers(1, 2), padding=st.sampled_from([SAME, VALID]), activation=ACTIVATIONS, constant=st.booleans(),
    bias=st.booleans(),
)  # fmt: skip
@examples()
def test_transposed_convolution(
    seed: int, size: Axes, taps: Axes, stride: Axes, channels: int, columns: int, batch: int, padding: int,
    activation: int, constant: bool, bias: bool,
) -> None:  # fmt: skip
    out = [n * s if padding == SAME else (n - 1) * s + t for n, t, s in zip(size, taps, stride)]
    rng, model = np.random.default_rng(seed), Model()
    inputs = [model.constant([batch, *out, columns], "INT32"), values(model, constant, (*taps, columns, channels), rng)]
    inputs += [model.input((batch, *size, channels), "FLOAT32")]
    inputs += [values(model, constant, (columns,), rng)] if bias else []
    y = model.tensor((batch, *out, columns), "FLOAT32")
    fields = options(padding, stride, fusedActivationFunction=activation)
    model.operator("CONV_3D_TRANSPOSE", inputs, [y], "Conv3DOptions", **fields)
    check_close(model.finish([y]), seed=seed)


def test_channels_that_do_not_fit() -> None:
    model = Model()
    x, w = model.input((1, 2, 2, 2, 3), "FLOAT32"), model.constant(np.ones((1, 1, 1, 2, 4)), "FLOAT32")
    y = model.tensor((1, 2, 2, 2, 4), "FLOAT32")
    model.operator("CONV_3D", [x, w], [y], "Conv3DOptions", **options(SAME, (1, 1, 1)))
    with pytest.raises(NativeError, match="the same channels"):
        run_native(model.finish([y]), [np.zeros((1, 2, 2, 2, 3), np.float32)])


@given(
    seed=SEEDS, channels=st.integers(1, 12), radius=st.integers(0, 6), bias=st.floats(0.5, 3), alpha=st.floats(0, 2),
    beta=st.sampled_from([0.25, 0.5, 0.75, 1.0]),
)  # fmt: skip
@examples()
def test_local_response_normalization(
    seed: int, channels: int, radius: int, bias: float, alpha: float, beta: float
) -> None:
    model = Model()
    x, y = model.input((2, 3, 4, channels), "FLOAT32"), model.tensor((2, 3, 4, channels), "FLOAT32")
    fields = {"radius": radius, "bias": bias, "alpha": alpha, "beta": beta}
    model.operator("LOCAL_RESPONSE_NORMALIZATION", [x], [y], "LocalResponseNormalizationOptions", **fields)
    check_close(model.finish([y]), seed=seed)
