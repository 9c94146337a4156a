"""Products of int16 by int16 or int8 against LiteRT, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from .conftest import examples
from .oracle import NativeError, check, run_native
from .single_op import Model, Quantized
from .test_matrix_operators import ACTIVATIONS, BATCHES, SEEDS, factor_shapes

pytestmark = pytest.mark.slow


@given(
    seed=SEEDS,
    batches=BATCHES,
    rows=st.integers(1, 9),
    depth=st.integers(1, 40),
    columns=st.integers(1, 40),
    adj=st.tuples(st.booleans(), st.booleans()),
    kind=st.sampled_from(["INT16", "INT8"]),
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
    kind: str,
    constant: bool,
) -> None:
    rng = np.random.default_rng(seed)
    most = 1 << (15 if kind == "INT16" else 7)
    scales = np.exp(rng.uniform(-9, -4, 2))
    x_shape, y_shape = factor_shapes(batches, rows, depth, columns, adj)
    model = Model()
    x = model.input(x_shape, "INT16", Quantized(scales[0]))
    if constant:
        y = model.constant(rng.integers(-most, most, y_shape), kind, Quantized(scales[1]))
    else:
        y = model.input(y_shape, kind, Quantized(scales[1]))
    typical = most / 2 * np.sqrt(depth) * scales[0] * scales[1]
    quantized = Quantized(typical * np.exp(rng.uniform(-2, 1)))
    out = model.tensor((*np.broadcast_shapes(*batches), rows, columns), "INT16", quantized)
    model.operator("BATCH_MATMUL", [x, y], [out], "BatchMatMulOptions", version=4, adjX=adj[0], adjY=adj[1])
    check(model.finish([out]), seed=seed)


def fully_connected(
    rng: np.random.Generator, rows: int, depth: int, columns: int, each: bool, bias: str | None, activation: int
) -> bytes:
    scales = np.exp(rng.uniform(-9, -7, columns if each else 1)).astype(np.float32)
    model = Model()
    x = model.input((rows, depth), "INT16", Quantized(0.001))
    w = model.constant(rng.integers(-(1 << 15), 1 << 15, (columns, depth)), "INT16", Quantized(scales))
    b = [] if bias is None else [model.constant(rng.integers(-(1 << 30), 1 << 30, columns), bias)]
    y = model.tensor((rows, columns), "INT16", Quantized(15 * np.sqrt(depth) * float(scales.max())))
    options: dict[str, Any] = {"fusedActivationFunction": activation}
    model.operator("FULLY_CONNECTED", [x, w, *b], [y], "FullyConnectedOptions", version=7, **options)
    return model.finish([y])


@given(
    seed=SEEDS,
    rows=st.integers(1, 9),
    depth=st.integers(1, 80),
    columns=st.integers(1, 40),
    each=st.booleans(),
    bias=st.sampled_from(["INT32", None]),
    activation=ACTIVATIONS,
)
@examples()
def test_fully_connected_int16_weights(
    seed: int, rows: int, depth: int, columns: int, each: bool, bias: str | None, activation: int
) -> None:
    check(fully_connected(np.random.default_rng(seed), rows, depth, columns, each, bias, activation), seed=seed)


def test_an_int64_bias_of_int16_weights_is_refused() -> None:
    """LiteRT reads it as int32."""
    data = fully_connected(np.random.default_rng(0), 2, 3, 4, False, "INT64", 0)
    with pytest.raises(NativeError, match="constant int32"):
        run_native(data, [np.zeros((2, 3), np.int16)])


@pytest.mark.parametrize(
    ("zero_point", "scale", "sentence"),
    [(3, 1.0, "zero points of 0"), (0, 1e-9, "more than 2\\^14"), (0, None, "needs scales")],
)
def test_a_broken_product_is_refused(zero_point: int, scale: float | None, sentence: str) -> None:
    model = Model()
    x = model.input((2, 3), "INT16", Quantized(0.1))
    y = model.input((3, 2), "INT16", None if scale is None else Quantized(0.1, zero_point))
    out = model.tensor((2, 2), "INT16", Quantized(scale or 1.0))
    model.operator("BATCH_MATMUL", [x, y], [out], "BatchMatMulOptions", version=4)
    with pytest.raises(NativeError, match=sentence):
        run_native(model.finish([out]), [np.zeros((2, 3), np.int16), np.zeros((3, 2), np.int16)])
