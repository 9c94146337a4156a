"""Linear quantization: what holds for every tensor (searched by hypothesis), the guards, and who uses it."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edgequant_converters import UnsupportedError, linear, sqnr_db
from edgequant_converters.onnx_quantizer._weights import quantize_symmetric

FINITE = st.floats(allow_nan=False, allow_infinity=False, width=32)
TENSORS = arrays.arrays(np.float32, arrays.array_shapes(max_dims=3, max_side=6), elements=FINITE)
BITS = st.integers(2, 16)


@st.composite
def fitted(draw):
    """A tensor of any finite float32 values, and a quantizer fitted to it in one of all the ways."""
    values = draw(TENSORS)
    symmetric = draw(st.booleans())
    axis = draw(st.none() | st.integers(-values.ndim, values.ndim - 1))
    length = values.shape[-1 if axis is None else axis]
    group_size = draw(st.none() | st.sampled_from([n for n in range(1, length + 1) if length % n == 0]))
    signed = symmetric or draw(st.booleans())
    quantizer = linear.fit(
        values, bits=draw(BITS), signed=signed, symmetric=symmetric, axis=axis, group_size=group_size
    )
    return values, quantizer


@settings(max_examples=300, deadline=None, derandomize=True)
@given(fitted())
def test_round_trip_is_within_half_a_scale(case):
    values, quantizer = case
    # Beside the half: float32 rounds the quotient, of up to 2^bits, by 2^-24 of it, and the product again.
    slack = (quantizer.highest - quantizer.lowest) * 2.0**-22
    scale = quantizer._expanded(quantizer.scale, values).astype(np.float64)
    difference = values.astype(np.float64) - quantizer.round_trip(values).astype(np.float64)
    assert (np.abs(difference) <= scale * (0.5 + slack)).all()


@settings(max_examples=300, deadline=None, derandomize=True)
@given(fitted())
def test_zero_is_exact_and_integers_are_in_range(case):
    values, quantizer = case
    integers = quantizer.quantize(values)
    assert integers.dtype == quantizer.dtype
    assert integers.min() >= quantizer.lowest and integers.max() <= quantizer.highest
    assert (quantizer.round_trip(values)[values == 0] == 0).all()
    assert not quantizer.round_trip(np.zeros_like(values)).any()
    assert (quantizer.scale > 0).all() and np.isfinite(quantizer.scale).all()


@settings(max_examples=100, deadline=None, derandomize=True)
@given(fitted())
def test_quantizing_what_was_quantized_changes_nothing(case):
    values, quantizer = case
    restored = quantizer.round_trip(values)
    assert np.array_equal(quantizer.round_trip(restored), restored)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(["uniform", "standard_normal", "laplace"]),
    symmetric=st.booleans(),
    bits=st.integers(3, 10),
)
def test_finer_scales_are_better_on_average(seed, kind, symmetric, bits):
    random = np.random.default_rng(seed)
    draws = [getattr(random, kind)(size=(16, 32)) for _ in range(30)]
    if kind == "uniform":
        draws = [2 * draw - 1 for draw in draws]
    ways = ({}, {"axis": 0}, {"axis": 1, "group_size": 8})
    tensor, channel, group = (
        np.mean([mse(draw, bits=bits, symmetric=symmetric, **way) for draw in draws]) for way in ways
    )
    assert group <= channel <= tensor


def mse(values, **how):
    return linear.error(values, linear.fit(values, **how).round_trip(values)).mse


def test_uniform_tensor_in_plus_minus_1000():
    random = np.random.default_rng(0)
    draws = [random.uniform(-1000, 1000, (64, 64)).astype(np.float32) for _ in range(20)]
    errors = np.array([[mse(draw), mse(draw, axis=0), mse(draw, axis=1, group_size=8)] for draw in draws])
    assert (errors[:, 0] > errors[:, 1]).all() and (errors[:, 1] > errors[:, 2]).all()
    assert errors.mean(axis=0) == pytest.approx([5.2, 4.9, 3.6], abs=0.05)


def test_asymmetric_is_better_on_a_skewed_tensor():
    values = np.random.default_rng(0).exponential(1.0, (64, 64)).astype(np.float32)
    # The symmetric range spends half its integers below zero, where nothing is: twice the scale, four times the error.
    assert mse(values, symmetric=True) / mse(values, symmetric=False) == pytest.approx(4, rel=0.1)


def test_the_rules_by_hand():
    values = np.array([[-1.0, 0.5], [0.0, 2.54]], np.float32)
    per_tensor = linear.fit(values)
    assert (per_tensor.lowest, per_tensor.highest, per_tensor.scale.shape) == (-127, 127, (1, 1))
    assert per_tensor.scale.item() == np.float32(2.54) / np.float32(127)
    assert per_tensor.quantize(values).tolist() == [[-50, 25], [0, 127]]
    asymmetric = linear.fit(values, symmetric=False, axis=0)
    assert asymmetric.scale.ravel() == pytest.approx([1.5 / 255, 2.54 / 255])
    assert asymmetric.zero_point.ravel().tolist() == [42, -128]
    assert asymmetric.quantize(values).tolist() == [[-128, 127], [-128, 127]]
    unsigned = linear.from_range(-1, 1, signed=False, symmetric=False)
    assert (unsigned.zero_point.item(), unsigned.dtype) == (128, np.uint8)
    assert linear.fit(values, bits=4).quantize(values).tolist() == [[-3, 1], [0, 7]]


def test_groups_run_along_their_axis():
    values = np.arange(24, dtype=np.float32).reshape(2, 12)
    assert linear.fit(values, group_size=4).scale.ravel() == pytest.approx(np.array([3, 7, 11, 15, 19, 23]) / 127)
    assert linear.fit(values, axis=0, group_size=2).scale.shape == (1, 12)


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("value", [0.0, 3.7, -3.7, 1e-45, -3e38])
def test_constant_tensors(value, symmetric):
    values = np.full((4, 4), value, np.float32)
    restored = linear.fit(values, symmetric=symmetric, axis=1).round_trip(values)
    assert restored == pytest.approx(values, rel=1e-6, abs=1e-37)


def test_empty_tensors_and_single_numbers():
    assert linear.fit(np.zeros((0, 3), np.float32)).scale.tolist() == [[1.0]]
    assert linear.fit(np.float32(5)).round_trip(np.float32(5)) == 5


def test_known_ranges_saturate_infinities():
    quantizer = linear.from_range(-1.0, 1.0, symmetric=False)
    assert quantizer.quantize(np.array([[-np.inf, 5, 0, np.inf]])).tolist() == [[-128, 127, quantizer.zero_point, 127]]
    with pytest.raises(UnsupportedError, match="holds NaN"):
        quantizer.quantize(np.array([np.nan]))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "int32"])
def test_dtypes_of_tensors(dtype):
    values = np.array([[-100, 7, 127]]).astype(getattr(ml_dtypes, dtype, dtype))
    quantizer = linear.fit(values)
    assert quantizer.scale.dtype == (np.float64 if dtype in ("float64", "int32") else np.float32)
    assert quantizer.round_trip(values).tolist() == [[-100, 7, 127]]


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_scales_are_rounded_up_to_a_narrower_type(dtype):
    values = np.random.default_rng(3).normal(0, 1e-3, (200, 8)).astype(np.float32)
    exact, stored = linear.fit(values, axis=0), linear.fit(values, axis=0, scale_dtype=dtype)
    assert np.array_equal(stored.scale.astype(dtype).astype(np.float32), stored.scale)
    assert (stored.scale >= exact.scale).all()
    assert (np.abs(values - stored.round_trip(values)) <= stored.scale * 0.5001).all()
    with pytest.raises(UnsupportedError, match="do not fit float16"):
        linear.fit(np.array([1e30]), scale_dtype=np.float16)


@pytest.mark.parametrize(
    ("values", "how", "message"),
    [
        ([1.0, np.inf], {}, "infinite values or NaN"),
        ([1.0, np.nan], {"axis": 0}, "infinite values or NaN"),
        ([1.0, 2.0, 3.0], {"group_size": 2}, r"Groups of 2 do not divide the 3 values along axis 0.*a divisor of 3"),
        ([1.0, 2.0], {"group_size": 0}, "Groups of 0"),
        ([1.0], {"axis": 1}, r"shape \(1,\) has no axis 1"),
        ([1.0], {"bits": 1}, "2 to 16 bits, not 1"),
        ([1.0], {"signed": False}, "Symmetric ranges need signed"),
        ([1j], {}, "real numbers, not of complex128"),
        (["a"], {}, "real numbers"),
    ],
)
def test_what_cannot_be_quantized_is_refused(values, how, message):
    with pytest.raises(UnsupportedError, match=message):
        linear.fit(values, **how)


def test_a_quantizer_refuses_tensors_of_other_shapes():
    quantizer = linear.fit(np.ones((3, 4)), axis=0)
    for shape in ((4, 4), (3,), (3, 4, 1)):
        with pytest.raises(UnsupportedError, match="does not fit a tensor"):
            quantizer.quantize(np.ones(shape))


def test_error_measures():
    measured = linear.error(np.array([3.0, 4.0]), np.array([3.0, 3.5]))
    assert (measured.mse, measured.max_abs) == (0.125, 0.5)
    assert measured.sqnr_db == sqnr_db(np.array([3.0, 4.0]), np.array([3.0, 3.5])) == pytest.approx(20)
    with pytest.raises(UnsupportedError, match="one shape"):
        linear.error(np.ones(2), np.ones(3))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(TENSORS, st.booleans())
def test_onnx_weights_have_the_bytes_they_always_had(values, per_channel):
    """The rule that files were written with before `linear` was there."""
    values = np.where(np.abs(values) < 1e-30, np.float32(0), values)  # the old rule clipped at subnormal scales
    axis = 0 if per_channel else None
    others = tuple(i for i in range(values.ndim) if i != axis)
    largest = np.max(np.abs(values), axis=others, keepdims=True)
    scale = np.where(largest > 0, largest / 127, 1).astype(np.float32)
    integers = np.clip(np.rint(values / scale), -127, 127).astype(np.int8)
    new_scale, new_integers = quantize_symmetric(values, axis)
    assert (new_scale.dtype, new_integers.dtype) == (np.float32, np.int8)
    assert new_scale.tobytes() == scale.tobytes()
    assert new_integers.tobytes() == integers.tobytes()
