"""Which samples calibrate and which are kept aside to measure on."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgequant_converters.calibration import split


def samples(count: int) -> list[dict[str, np.ndarray]]:
    return [{"x": np.array([n], np.float32)} for n in range(count)]


def values(taken) -> list[int]:
    return [int(sample["x"][0]) for sample in taken]


def test_every_tenth_sample_is_kept_aside():
    parts = split(iter(samples(35)))
    calibrating = values(parts)
    assert values(parts.held_back) == [9, 19, 29]
    assert calibrating == [n for n in range(35) if n % 10 != 9]
    assert parts.used == 32
    assert parts.disjoint


def test_with_too_few_samples_the_calibrating_ones_are_measured():
    parts = split(samples(9))
    assert values(parts) == list(range(9))
    assert values(parts.held_back) == list(range(9))
    assert parts.used == 9
    assert not parts.disjoint


def test_beyond_the_limits_samples_calibrate():
    parts = split(samples(100), max_samples=2)
    assert len(values(parts)) == parts.used == 98
    assert values(parts.held_back) == [9, 19]
    parts = split(samples(100), max_bytes=12)  # 4 bytes each
    assert len(values(parts)) == 97
    assert values(parts.held_back) == [9, 19, 29]


def test_one_sample_is_kept_however_large():
    parts = split(samples(30), max_bytes=1)
    assert len(values(parts)) == 29
    assert values(parts.held_back) == [9]
    parts = split(samples(3), max_bytes=1)
    list(parts)
    assert values(parts.held_back) == [0]


@given(st.integers(0, 60), st.integers(2, 12), st.integers(1, 5))
def test_no_sample_is_lost_or_doubled(count, every, limit):
    parts = split(samples(count), every=every, max_samples=limit)
    calibrating = values(parts)
    held_back = values(parts.held_back)
    assert parts.used == len(calibrating)
    assert len(held_back) <= limit
    assert bool(held_back) == (count > 0)
    if parts.disjoint:
        assert sorted(calibrating + held_back) == list(range(count))
    else:
        assert calibrating == list(range(count))
        assert count < every


def test_limits_must_make_sense():
    with pytest.raises(ValueError, match="every must be 2 or more"):
        split([], every=1)
