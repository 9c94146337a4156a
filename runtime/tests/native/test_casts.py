"""CAST, QUANTIZE and DEQUANTIZE between all types, against LiteRT, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from .conftest import examples
from .oracle import check, run_native
from .single_op import Model, Quantized
from .test_elementwise import SCALES, SEEDS, ZERO_POINTS, in_type

pytestmark = pytest.mark.slow

NUMBERS = ("FLOAT32", "FLOAT16", "INT8", "UINT8", "INT16", "UINT16", "INT32", "UINT32", "INT64", "BOOL")
# Between these, what LiteRT makes of values that do not fit is made here too.
OLD_NUMBERS = ("FLOAT32", "INT8", "UINT8", "INT16", "INT32", "INT64", "BOOL")
# Where every type can hold them: beyond that C leaves the result of LiteRT's casts undefined.
LITTLE = np.array([0, 1, 2, 3.5, 7.25, 100, 127], np.float32)


def in_numpy(kind: str) -> str:
    return "bool" if kind == "BOOL" else kind.lower()


@pytest.mark.parametrize("source", NUMBERS)
def test_cast(source: str) -> None:
    for target in NUMBERS:
        model = Model()
        x, y = model.input((7,), source), model.tensor((7,), target)
        model.operator("CAST", [x], [y], "CastOptions", version=6)
        check(model.finish([y]), [LITTLE.astype(in_numpy(source))])


@pytest.mark.parametrize("real", NUMBERS)
def test_cast_of_complex_numbers(real: str) -> None:
    parts = LITTLE + 1j * LITTLE[::-1]
    for source, target in (("COMPLEX64", real), (real, "COMPLEX64")):
        model = Model()
        x, y = model.input((7,), source), model.tensor((7,), target)
        model.operator("CAST", [x], [y], "CastOptions", version=6)
        values = parts.astype(np.complex64) if source == "COMPLEX64" else LITTLE.astype(in_numpy(source))
        check(model.finish([y]), [values])


@pytest.mark.parametrize("source", OLD_NUMBERS)
@pytest.mark.parametrize("target", OLD_NUMBERS)
def test_cast_of_what_is_too_large(source: str, target: str) -> None:
    limits = [2.0**bits + d for bits in (7, 8, 15, 16, 31, 32) for d in (-1, -0.5, 0, 1)]
    values = np.array([0, 1, 2.5, 2.7, 300, 70000, *limits])
    values = np.concatenate([values, -values])
    if source == "FLOAT32":
        values = np.concatenate([values, [9.3e18, -9.3e18, 1e30, -1e30, np.inf, -np.inf, np.nan]])
    x = values.astype(np.float32) if source == "FLOAT32" else values.astype(np.int64).astype(source.lower())
    model = Model()
    y = model.tensor(x.shape, target)
    model.operator("CAST", [model.input(x.shape, source)], [y], "CastOptions")
    check(model.finish([y]), [x])


def test_every_half_is_widened_and_narrowed_as_ieee_says() -> None:
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    model = Model()
    x, wide = model.input((1 << 16,), "FLOAT16"), model.tensor((1 << 16,), "FLOAT32")
    model.operator("CAST", [x], [wide], "CastOptions", version=6)
    (found,) = run_native(model.finish([wide]), [halves])
    np.testing.assert_array_equal(found, halves.astype(np.float32))
    # between two neighbours, and just beside the middle
    finite = np.sort(halves[np.isfinite(halves)]).astype(np.float64)
    middles = ((finite[1:] + finite[:-1]) / 2).astype(np.float32)
    floats = np.concatenate(
        [np.nextafter(middles, np.float32(side)) for side in (-1e9, 1e9)] + [middles, [7e4, np.inf]]
    )
    floats = floats.astype(np.float32)
    model = Model()
    x, narrow = model.input(floats.shape, "FLOAT32"), model.tensor(floats.shape, "FLOAT16")
    model.operator("CAST", [x], [narrow], "CastOptions", version=6)
    (found,) = run_native(model.finish([narrow]), [floats])
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(found, floats.astype(np.float16))


@given(
    scale=st.floats(1e-4, 1),
    zero_point=st.integers(-128, 127),
    kind=st.sampled_from(["INT8", "UINT8"]),
    halves=st.booleans(),
    seed=SEEDS,
)
@examples()
def test_quantize_floats(scale: float, zero_point: int, kind: str, halves: bool, seed: int) -> None:
    q = Quantized(scale, zero_point + 128 if kind == "UINT8" else zero_point)
    rng = np.random.default_rng(seed)
    x = rng.integers(-600, 600, 5000) * 0.5 * np.float32(scale) if halves else rng.normal(size=5000) * 100 * scale
    x = np.concatenate([x, [0.0, -0.0, np.inf, -np.inf, np.nan, 1e30, -1e30]]).astype(np.float32)
    model = Model()
    y = model.tensor(x.shape, kind, q)
    model.operator("QUANTIZE", [model.input(x.shape, "FLOAT32")], [y], "QuantizeOptions")
    check(model.finish([y]), [x])


@given(scale=st.floats(1e-4, 1), zero_point=st.integers(-128, 127), kind=st.sampled_from(["INT8", "UINT8"]))
@examples()
def test_dequantize(scale: float, zero_point: int, kind: str) -> None:
    q = Quantized(scale, zero_point + 128 if kind == "UINT8" else zero_point)
    model = Model()
    y = model.tensor((256,), "FLOAT32")
    model.operator("DEQUANTIZE", [model.input((256,), kind, q)], [y], "DequantizeOptions", version=2)
    check(model.finish([y]), [np.arange(256).astype(np.uint8).view(np.uint8 if kind == "UINT8" else np.int8)])


def quantization(kind: str, scale: float, zero_point: int) -> Quantized:
    return in_type(Quantized(scale, zero_point), kind) if kind in ("INT8", "UINT8") else Quantized(scale)


@given(
    pair=st.sampled_from([("INT8", "UINT8"), ("UINT8", "INT8"), ("INT8", "INT16"), ("INT16", "INT8"),
                          ("INT16", "INT16"), ("INT16", "INT32"), ("INT32", "INT8"), ("INT32", "INT16")]),
    scales=st.tuples(SCALES, SCALES), zero_points=st.tuples(ZERO_POINTS, ZERO_POINTS), seed=SEEDS,
)  # fmt: skip
@examples()
def test_requantize(
    pair: tuple[str, str], scales: tuple[float, float], zero_points: tuple[int, int], seed: int
) -> None:
    model = Model()
    shape = (2, 3, 4, 11)
    x, y = (
        making(shape, kind, quantization(kind, scale, zero_point))
        for making, kind, scale, zero_point in zip((model.input, model.tensor), pair, scales, zero_points)
    )
    model.operator("QUANTIZE", [x], [y], "QuantizeOptions", version=4)
    rng = np.random.default_rng(seed)
    if pair[0] == "INT32":  # what neither side of LiteRT's kernel overflows with
        assume(scales[0] / scales[1] < 100)
        check(model.finish([y]), [rng.integers(-(1 << 20), 1 << 20, shape).astype(np.int32)], resolver="reference")
        return
    check(model.finish([y]), seed=seed, resolver="reference")


@given(scale=SCALES, kind=st.sampled_from(["INT16", "UINT8", "INT8"]), zero_point=ZERO_POINTS, seed=SEEDS)
@examples()
def test_floats_there_and_back(scale: float, kind: str, zero_point: int, seed: int) -> None:
    model = Model()
    shape = (3, 5, 7)
    x, q = model.input(shape, "FLOAT32"), model.tensor(shape, kind, quantization(kind, scale, zero_point))
    y = model.tensor(shape, "FLOAT32")
    model.operator("QUANTIZE", [x], [q], "QuantizeOptions", version=4)
    model.operator("DEQUANTIZE", [q], [y], "DequantizeOptions", version=4)
    halves = np.random.default_rng(seed).integers(-200, 200, shape) / 2
    check(model.finish([q, y]), [(halves * scale).astype(np.float32)])


@given(kind=st.sampled_from(["FLOAT16", "INT8", "INT4", "INT16"]), channels=st.booleans(), seed=SEEDS)
@examples()
def test_constants_are_widened(kind: str, channels: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = (3, 5, 2)
    assume(not channels or kind == "INT8")
    quantized = Quantized(rng.uniform(0.01, 0.1, 5), np.zeros(5), 1) if channels else Quantized(0.03)
    model = Model()
    if kind == "FLOAT16":
        w = model.constant(rng.normal(size=shape), kind)
    else:
        w = model.constant(rng.integers(-8, 8, shape), kind, quantized)
    x, wide, y = model.input(shape, "FLOAT32"), model.tensor(shape, "FLOAT32"), model.tensor(shape, "FLOAT32")
    model.operator("DEQUANTIZE", [w], [wide], "DequantizeOptions", version=5)
    model.operator("ADD", [x, wide], [y], "AddOptions")
    check(model.finish([y]), seed=seed)
