"""Q-format arithmetic: the worked example, and every pair of Q7 numbers against exact fractions."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest

from edgequant_converters import UnsupportedError
from edgequant_converters.formats import add, decode, format_named, from_fixed, multiply, multiply_accumulate, to_fixed

INT8, Q7, Q15, Q31 = map(format_named, ("int8", "q7", "q15", "q31"))
BYTES = np.arange(-128, 128)


def test_the_same_bits_accumulate_differently():
    assert multiply_accumulate(500, -50, 30, INT8) == -1000
    assert multiply_accumulate(500, -50, 30, Q7) == 488
    assert 488 / 2**Q7.fraction_bits == 3.8125
    # As numbers: 3.90625 + -0.390625 x 0.234375, the product cut down to a multiple of 1/128.
    assert 500 / 128 + floor(from_fixed(-50, Q7) * from_fixed(30, Q7) * 128) / 128 == 3.8125


@pytest.mark.parametrize("f", [Q7, INT8], ids=lambda f: f.name)
def test_every_pair_of_bytes(f):
    a, b = (grid.ravel() for grid in np.meshgrid(BYTES, BYTES))
    sums, products = add(a, b, f), multiply(a, b, f)
    step = f.epsilon
    for x, y, total, product in zip(a.tolist(), b.tolist(), sums.tolist(), products.tolist(), strict=True):
        real_x, real_y = x * step, y * step
        assert total * step == min(max(real_x + real_y, f.lowest), f.max)
        assert product * step == min(max(floor(real_x * real_y / step) * step, f.lowest), f.max)


@pytest.mark.parametrize("f", [Q7, Q15, Q31], ids=lambda f: f.name)
def test_only_minus_one_squared_saturates(f):
    least = int(f.lowest / f.epsilon)
    most = int(f.max / f.epsilon)
    assert multiply(least, least, f) == most
    assert multiply(least, most, f) == -most
    assert multiply(most, most, f) == floor(f.max * f.max / f.epsilon) == most - 1


def test_accumulators_saturate_at_32_bits():
    assert multiply_accumulate(2**31 - 1, 127, 127, INT8) == 2**31 - 1
    assert multiply_accumulate(-(2**31), -128, 127, INT8) == -(2**31)
    with pytest.raises(UnsupportedError, match="32-bit accumulator holds integers from"):
        multiply_accumulate(2**31, 1, 1, INT8)


@pytest.mark.parametrize("f", [Q7, Q15, Q31], ids=lambda f: f.name)
def test_real_values_and_back(f):
    values = np.array([-2, -1, -0.5, 0, 0.3333, 0.999, 1, np.inf])
    integers = to_fixed(values, f)
    assert np.abs(from_fixed(integers, f) - np.clip(values, -1, 1)).max() <= f.epsilon
    for integer, real in zip(integers.tolist(), from_fixed(integers, f), strict=True):
        assert decode(integer % 2**f.bits, f) == Fraction(float(real))
    assert to_fixed(1, Q7) == 127


def test_what_does_not_fit_is_refused():
    with pytest.raises(UnsupportedError, match=r"q7 holds integers from -128 to 127"):
        multiply(200, 1, Q7)
    with pytest.raises(UnsupportedError, match="whole numbers, not float64"):
        add(0.5, 0.25, Q7)
    with pytest.raises(UnsupportedError, match="not for fp16"):
        add(1, 1, format_named("fp16"))
    with pytest.raises(UnsupportedError, match="NaN"):
        to_fixed([0.5, np.nan], Q7)
