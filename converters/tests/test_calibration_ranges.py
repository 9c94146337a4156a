"""Ranges of activations: minmax, percentile and entropy, from streamed values."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgequant_converters import CalibrationError, UnsupportedError
from edgequant_converters.calibration import METHODS, range_collector
from edgequant_converters.calibration._histogram import Histogram
from edgequant_converters.calibration._least_error import STEPS, THROUGH, Judge

BINS_PER_SIDE = 4096
finite32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
arrays = hnp.arrays(np.float32, st.integers(1, 60), elements=finite32)


def collect(method: str, *chunks: np.ndarray, **options: float) -> tuple[float, float]:
    collector = range_collector(method, **options)
    for chunk in chunks:
        collector.update("t", chunk)
    return collector.ranges()["t"]


def bin_width(values: np.ndarray) -> float:
    """The widest a bin can be: the range is the power of two above the largest magnitude."""
    largest = float(np.max(np.abs(values)))
    return math.ldexp(1.0, math.frexp(largest)[1]) / BINS_PER_SIDE


@given(st.lists(arrays, min_size=1, max_size=4))
def test_single_precision_counts_as_double_does(chunks: list[np.ndarray]) -> None:
    single, double = Histogram(), Histogram()
    for chunk in chunks:
        single.update(chunk)
        double.update(chunk.astype(np.float64))
    np.testing.assert_array_equal(single.counts, double.counts)


@given(st.lists(arrays, min_size=1, max_size=4))
def test_minmax_is_exact(chunks):
    every = np.concatenate(chunks)
    assert collect("minmax", *chunks) == (every.min(), every.max())


@given(st.lists(arrays, min_size=1, max_size=4), st.sampled_from([51.0, 75.0, 90.0, 99.0, 99.99, 100.0]))
def test_percentile_is_within_a_bin_of_the_sorted_values(chunks, percentile):
    every = np.sort(np.concatenate(chunks).astype(np.float64))
    cut = math.floor(len(every) * (100 - percentile) / 200)
    low, high = collect("percentile", *chunks, percentile=percentile)
    width = bin_width(every)
    assert every[cut] - width <= low <= every[cut]
    assert every[-1 - cut] <= high <= every[-1 - cut] + width
    assert every[0] <= low <= high <= every[-1]


def test_a_sample_of_zeros_does_not_widen_the_bins():
    small = np.full(4, 0.01, np.float32)
    for chunks in ((np.zeros(1, np.float32), small), (small, np.zeros(1, np.float32))):
        low, high = collect("percentile", *chunks, percentile=51.0)
        assert 0.01 - bin_width(small) <= low <= high == small[0]


def test_percentile_agrees_with_numpy_on_many_values():
    values = np.random.default_rng(0).standard_t(4, size=200_000).astype(np.float32)
    low, high = collect("percentile", *np.split(values, 20), percentile=99.0)
    assert low == pytest.approx(np.percentile(values, 0.5), abs=2 * bin_width(values))
    assert high == pytest.approx(np.percentile(values, 99.5), abs=2 * bin_width(values))


@given(st.lists(arrays, min_size=2, max_size=5), st.randoms(use_true_random=False))
@pytest.mark.parametrize("method", METHODS)
def test_neither_order_nor_chunks_matter(method, chunks, random):
    shuffled = list(chunks)
    random.shuffle(shuffled)
    assert collect(method, *chunks) == collect(method, *shuffled) == collect(method, np.concatenate(chunks))


@given(arrays, st.sampled_from(METHODS))
def test_every_method_stays_within_the_values_seen(values, method):
    low, high = collect(method, values)
    assert values.min() <= low <= high <= values.max()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [0.0, -3.5, 1e-40, 3e38, 7.0])
def test_a_constant_tensor_has_that_one_value_as_range(method, value):
    values = np.full((4, 5), value, np.float32)
    assert collect(method, values) == (values[0, 0], values[0, 0])


@pytest.mark.parametrize("method", METHODS)
def test_empty_tensors_say_nothing(method):
    collector = range_collector(method)
    collector.update("empty", np.zeros((0, 3), np.float32))
    collector.update("b", np.ones(2, np.float32))
    collector.update("a", np.zeros(2, np.float16))
    assert collector.ranges() == {"b": (1.0, 1.0), "a": (0.0, 0.0)}
    assert list(collector.ranges()) == ["b", "a"]


@pytest.mark.parametrize("method", METHODS)
def test_infinities_are_left_out_and_nan_is_refused(method):
    assert collect(method, np.array([-np.inf, 1.0, 2.0, np.inf])) == (1.0, 2.0)
    assert range_collector(method).ranges() == {}
    with pytest.raises(CalibrationError, match="computes NaN in 't'"):
        collect(method, np.array([1.0, np.nan]))


def test_entropy_cuts_a_long_tail_and_keeps_an_even_spread():
    random = np.random.default_rng(0)
    body = random.normal(size=200_000).astype(np.float32)
    low, high = collect("entropy", body, np.array([60.0], np.float32))
    assert high < 20
    assert low < -3
    even = random.uniform(-1, 1, 100_000).astype(np.float32)
    low, high = collect("entropy", even)
    assert low == pytest.approx(-1, abs=0.01)
    assert high == pytest.approx(1, abs=0.01)


def test_entropy_has_twice_the_levels_for_a_tensor_of_one_sign():
    positive = np.abs(np.random.default_rng(0).laplace(size=200_000)).astype(np.float32)
    low, high = collect("entropy", positive)
    _, both = collect("entropy", positive, -positive)
    assert low == positive.min()
    assert high >= both


def test_the_int8_error_is_smaller_with_an_entropy_range_than_with_minmax_on_outliers():
    values = np.random.default_rng(1).laplace(size=100_000).astype(np.float32)
    values[:5] = 500

    def typical_error(method: str) -> float:
        low, high = collect(method, values)
        scale = (high - low) / 255
        restored = np.round(np.clip(values, low, high) / scale) * scale
        return float(np.median(np.abs(restored - values)))

    assert typical_error("entropy") < typical_error("minmax") / 5
    assert typical_error("percentile") < typical_error("minmax") / 5


@pytest.mark.parametrize("power", [2, 4])
@pytest.mark.parametrize("function", [None, "SILU", "TANH"])
def test_errors_of_many_ranges_are_those_of_each_value(function, power):
    values = np.random.default_rng(0).standard_cauchy(4096)
    histogram = Histogram()
    histogram.update(values)
    filled = np.flatnonzero(histogram.counts)
    (below, above), counts = histogram.edges(filled), histogram.counts[filled]
    apply = THROUGH[function].function if function else lambda x: x
    centres = (below + above) / 2
    lows, highs = -np.array([60.0, 9.0, 1.0]), np.array([50.0, 2.0, 0.5])
    expected = []
    for low, high in zip(lows, highs, strict=True):
        inside = (centres >= low) & (centres <= high)
        step = (high - low) / STEPS * np.abs((apply(above) - apply(below)) / (above - below))
        cut = np.abs(apply(np.clip(centres, low, high)) - apply(centres)) ** power
        expected.append((counts * np.where(inside, (step / 2) ** power / (power + 1), cut)).sum())
    judge = Judge(histogram, THROUGH.get(function), power)
    np.testing.assert_allclose(judge.errors(lows, highs), expected, rtol=1e-6)


def test_memory_is_a_fixed_number_of_bins_whatever_the_range():
    from edgequant_converters.calibration._histogram import Histogram

    histogram = Histogram()
    for exponent in range(-140, 127, 7):
        histogram.update(np.array([2.0**exponent, -(2.0**exponent)]))
    assert histogram.counts.shape == (2 * BINS_PER_SIDE,)
    assert histogram.counts.sum() == 2 * len(range(-140, 127, 7))
    assert (histogram.lowest, histogram.highest) == (-(2.0**126), 2.0**126)


def test_an_unknown_method_or_percentile_is_refused():
    with pytest.raises(UnsupportedError, match="'distribution' is no calibration method: take one of minmax"):
        range_collector("distribution")
    for percentile in (50, 101, math.nan):
        with pytest.raises(CalibrationError, match="above 50 and at most 100"):
            range_collector("percentile", percentile=percentile)
