"""Matrices of int4 with a scale for each block of a row: FULLY_CONNECTED and EMBEDDING_LOOKUP against LiteRT."""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from .conftest import examples
from .oracle import NativeError, check, check_close, run_native
from .single_op import RELU, Model, Quantized

pytestmark = pytest.mark.slow

SEEDS = st.integers(0, 2**32 - 1)


def in_blocks(model: Model, outputs: list[int], matrix: int, scales: int, size: int, axis: int = 0) -> bytes:
    """The file, with the quantization that the other tests' way of writing models does not have."""
    unpacked = schema.ModelT.InitFromPackedBuf(model.finish(outputs), 0)
    details = schema.BlockwiseQuantizationT(scales=scales, zeroPoints=-1, blockSize=size)
    unpacked.subgraphs[0].tensors[matrix].quantization = schema.QuantizationParametersT(
        quantizedDimension=axis,
        detailsType=schema.QuantizationDetails.BlockwiseQuantization,
        details=details,
    )
    builder = flatbuffers.Builder(0)
    builder.Finish(unpacked.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def matrix_of(model: Model, rng: np.random.Generator, shape: tuple[int, int], size: int) -> tuple[int, int]:
    values = model.constant(rng.integers(-8, 8, shape), "INT4")
    scales = rng.uniform(0.001, 0.1, (shape[0], shape[1] // size))
    return values, model.constant(scales, "FLOAT16")


def layer(seed: int, rows: int, columns: int, blocks: int, size: int, bias: bool, activation: int = 0) -> bytes:
    rng, model = np.random.default_rng(seed), Model()
    x = model.input((rows, blocks * size), "FLOAT32")
    w, scales = matrix_of(model, rng, (columns, blocks * size), size)
    inputs = [x, w, model.constant(rng.normal(size=columns), "FLOAT32")] if bias else [x, w]
    y = model.tensor((rows, columns), "FLOAT32")
    fields: dict[str, Any] = {"fusedActivationFunction": activation}
    model.operator("FULLY_CONNECTED", inputs, [y], "FullyConnectedOptions", version=13, **fields)
    return in_blocks(model, [y], w, scales, size)


@given(
    seed=SEEDS, rows=st.integers(1, 5), columns=st.integers(1, 70), blocks=st.integers(1, 4),
    size=st.sampled_from([32, 64, 96]), bias=st.booleans(), activation=st.sampled_from([0, RELU]),
)  # fmt: skip
@examples()
def test_fully_connected(
    seed: int, rows: int, columns: int, blocks: int, size: int, bias: bool, activation: int
) -> None:
    check_close(layer(seed, rows, columns, blocks, size, bias, activation), seed=seed)


def table(seed: int, blocks: int, quantized: str) -> bytes:
    rng, model = np.random.default_rng(seed), Model()
    x, y = model.input((5,), "INT32"), model.tensor((5, 32 * blocks), "FLOAT32")
    if quantized == "blocks":
        values, scales = matrix_of(model, rng, (9, 32 * blocks), 32)
    else:
        scale = rng.uniform(0.01, 0.1, 9) if quantized == "rows" else 0.05
        values = model.constant(rng.integers(-8, 8, (9, 32 * blocks)), "INT4", Quantized(scale))
    model.operator("EMBEDDING_LOOKUP", [x, values], [y], None, version=4)
    return in_blocks(model, [y], values, scales, 32) if quantized == "blocks" else model.finish([y])


@pytest.mark.parametrize("quantized", ["blocks", "rows", "whole"])
@given(seed=SEEDS, blocks=st.integers(1, 3))
@examples()
def test_embedding_lookup(seed: int, blocks: int, quantized: str) -> None:
    rows = np.random.default_rng(seed).integers(0, 9, 5).astype(np.int32)
    check(table(seed, blocks, quantized), [rows])


def test_other_operators_refuse_blocks() -> None:
    model = Model()
    w, scales = matrix_of(model, np.random.default_rng(0), (4, 64), 32)
    y = model.tensor((4, 64), "FLOAT32")
    model.operator("DEQUANTIZE", [w], [y])
    with pytest.raises(NativeError, match="has a tensor of type INT4"):
        run_native(in_blocks(model, [y], w, scales, 32), [])


@pytest.mark.parametrize("wrong", ["scales", "size", "infinite"])
def test_scales_that_do_not_fit(wrong: str) -> None:
    model = Model()
    x, y = model.input((1, 64), "FLOAT32"), model.tensor((1, 4), "FLOAT32")
    w = model.constant(np.ones((4, 64)), "INT4")
    shape = (4, 1) if wrong == "scales" else (4, 2)
    scales = model.constant(np.full(shape, np.inf if wrong == "infinite" else 1), "FLOAT16")
    model.operator("FULLY_CONNECTED", [x, w], [y], "FullyConnectedOptions", version=13)
    data = in_blocks(model, [y], w, scales, 48 if wrong == "size" else 32)
    with pytest.raises(NativeError, match=r"FULLY_CONNECTED|not linear"):
        run_native(data, [np.zeros((1, 64), np.float32)])
