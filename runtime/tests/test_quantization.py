from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgequant_runtime import InputError, Session, TensorInfo
from edgequant_runtime._quantization import dequantize, quantize

DTYPES = [np.dtype(name) for name in ("int8", "uint8", "int16")]


@st.composite
def quantized_tensors(draw):
    dtype = draw(st.sampled_from(DTYPES))
    limits = np.iinfo(dtype)
    scale = draw(st.floats(2.0**-20, 2.0**10, width=32))
    zero_point = 0 if dtype == np.int16 else draw(st.integers(limits.min, limits.max))
    return TensorInfo("x", (-1,), dtype, scale, zero_point)


@given(quantized_tensors())
def test_every_integer_survives_the_way_out_and_back(info):
    limits = np.iinfo(info.dtype)
    integers = np.arange(limits.min, limits.max + 1).astype(info.dtype)
    np.testing.assert_array_equal(quantize(dequantize(integers, info), info), integers)


@given(quantized_tensors(), st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=20))
def test_a_value_is_at_most_half_a_step_off_or_saturated(info, numbers):
    values = np.array(numbers, np.float32)
    limits = np.iinfo(info.dtype)
    lowest, highest = (info.scale * (limit - info.zero_point) for limit in (limits.min, limits.max))
    reachable = np.clip(values.astype(np.float64), lowest, highest)
    restored = dequantize(quantize(values, info), info).astype(np.float64)
    tolerance = info.scale * (0.5 + 2.0**-20 * (limits.max - limits.min))  # float32 products round too
    assert np.all(np.abs(restored - reachable) <= tolerance)


def test_halves_go_to_even_and_the_rest_saturates():
    info = TensorInfo("x", (-1,), np.dtype(np.int8), 0.5, 3)
    values = np.array([0.25, 0.75, -0.25, -0.75, 1e30, -1e30, np.inf, -np.inf])
    assert quantize(values, info).tolist() == [3, 5, 3, 1, 127, -128, 127, -128]


@pytest.mark.usefixtures("litert")
def test_nan_has_no_integer(models):
    with pytest.raises(InputError, match="'features' contains NaN, which no int8"):
        Session(models / "int8.tflite").run(np.array([[0.0, np.nan, 0.0, 0.0]]))


def test_the_edge_computes_what_litert_computes_inside(models, litert):
    """A model with int8 inputs and outputs against the same model with LiteRT's own QUANTIZE and DEQUANTIZE."""
    if not litert.startswith("ai-edge-litert"):
        pytest.skip("tflite-runtime does not quantize with XNNPACK, whose rounding is the one that is followed")
    edge, inside = Session(models / "int8.tflite"), Session(models / "int8_float_io.tflite")
    step = np.float32(edge.inputs[0].scale)
    ties = (np.arange(-400, 400) + np.float32(0.5)) * step
    x = np.concatenate([ties, np.random.default_rng(0).uniform(-2, 2, 4000)]).astype(np.float32).reshape(-1, 4)
    np.testing.assert_array_equal(edge.run(x)["probabilities"], inside.run(x)["probabilities"])
    unsigned = Session(models / "uint8.tflite").run(x)["probabilities"]
    np.testing.assert_array_equal(unsigned, edge.run(x)["probabilities"])


@pytest.mark.parametrize("engine", ["native", "litert"])
@pytest.mark.parametrize(("kind", "zero_point"), [("INT8", 3), ("INT8", -128), ("UINT8", 128), ("INT16", 0)])
def test_quantize_is_the_quantize_operator_bit_for_bit(litert, engine, kind, zero_point):
    """On random values, and on those half way between two integers, where a division rounds others than a product."""
    if not litert.startswith("ai-edge-litert") or (engine, kind) == ("native", "INT16"):
        pytest.skip("has no such QUANTIZE")
    from .native.single_op import Model, Quantized

    differ = 0
    for scale in np.array([0.1, 1 / 255, 0.0235, 1 / 127, 0.018658], np.float32):
        halves = np.arange(-600, 600, dtype=np.float32) * scale / 2
        values = np.concatenate([halves, np.random.default_rng(0).uniform(-3, 3, 20_000).astype(np.float32)])
        model = Model()
        x = model.input(values.shape, "FLOAT32", name="x")
        y = model.tensor(values.shape, kind, Quantized(float(scale), zero_point), name="y")
        model.operator("QUANTIZE", [x], [y])
        inside = Session(model.finish([y]), engine=engine, threads=1).run(values, raw=True)["y"]
        info = TensorInfo("x", values.shape, inside.dtype, float(scale), zero_point)
        np.testing.assert_array_equal(quantize(values, info), inside)
        limits = np.iinfo(inside.dtype)
        differ += int((np.clip(np.rint(values / scale) + zero_point, limits.min, limits.max) != inside).sum())
    assert differ > 0  # the values do tell a division from a product


@pytest.mark.usefixtures("litert")
def test_raw_is_the_models_own_integers_both_ways(models):
    session = Session(models / "int8.tflite")
    x = np.array([[0.5, -0.25, 1.0, -1.0]], np.float32)
    raw = session.run(quantize(x, session.inputs[0]), raw=True)["probabilities"]
    assert raw.dtype == np.int8
    np.testing.assert_array_equal(dequantize(raw, session.outputs[0]), session.run(x)["probabilities"])
    with pytest.raises(InputError, match="is int8, not float32"):
        session.run(x, raw=True)
    with pytest.raises(InputError, match="takes real values as floats, not int8"):
        session.run(np.zeros((1, 4), np.int8))
