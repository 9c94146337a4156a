"""Sound of another rate: against the formula in numpy, in parts of any size, and of tones that must stay or go."""

from __future__ import annotations

import wave
from array import array
from ctypes import byref, c_int16, c_size_t, c_void_p
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgequant_runtime import InputError, Task
from edgequant_runtime._engines._library import Error
from edgequant_runtime._task._library import task_library
from edgequant_runtime._task._sources import samples_of_wav

from .conftest import examples
from .heads import identity

RATES = [8000, 11025, 22050, 32000, 44100, 48000, 96000]


def write(path: Path, samples: NDArray[Any], rate: int) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def formula(samples: NDArray[Any], given_rate: int, wanted: int) -> NDArray[Any]:
    ratio = wanted / given_rate
    share, half = 0.95 * min(1, ratio), 32 * max(1, 1 / ratio)
    padded = np.pad(samples.astype(float), int(half) + 2)
    result = []
    for j in range(-(-len(samples) * wanted // given_rate)):
        t = j * given_rate / wanted
        i = np.arange(int(np.floor(t)) - int(np.ceil(half)) + 1, int(np.floor(t)) + int(np.ceil(half)) + 1)
        part = (i - t) / half
        window = np.where(np.abs(part) < 1, 0.42 + 0.5 * np.cos(np.pi * part) + 0.08 * np.cos(2 * np.pi * part), 0)
        weights = share * np.sinc(share * (i - t)) * window
        result.append((weights / weights.sum()) @ padded[i + int(half) + 2])
    return np.array(result)


@pytest.mark.parametrize("rate", RATES)
def test_any_usual_rate_becomes_the_tasks(rate: int, tmp_path: Path) -> None:
    samples = np.random.default_rng(rate).normal(size=600).cumsum() * 500
    samples = (samples - samples.mean()).clip(-32768, 32767).astype(np.int16)
    found = np.array(samples_of_wav(write(tmp_path / "x.wav", samples, rate), 16000))
    expected = formula(samples, rate, 16000).clip(-32768, 32767)
    assert len(found) == len(expected) == -(-600 * 16000 // rate)
    assert np.abs(found - expected).max() <= 0.51


def level(samples: NDArray[Any], rate: int, hz: float) -> float:
    """Decibels of a tone under full scale, in the middle of the sound."""
    middle = samples[len(samples) // 4 : -len(samples) // 4].astype(float) / 32768
    window = np.hanning(len(middle))
    wave_at = np.exp(-2j * np.pi * hz * np.arange(len(middle)) / rate)
    return float(20 * np.log10(2 * abs((middle * window) @ wave_at) / window.sum() + 1e-12))


def test_tones_stay_and_what_cannot_be_heard_does_not_fold(tmp_path: Path) -> None:
    time = np.arange(24000) / 48000
    for hz, alias in ((300, 300), (3000, 3000), (6800, 6800), (8400, 7600), (12000, 4000), (20000, 4000)):
        tone = np.rint(26000 * np.sin(2 * np.pi * hz * time))
        found = np.array(samples_of_wav(write(tmp_path / "x.wav", tone, 48000), 16000))
        given_level = level(tone, 48000, hz)
        lost = given_level - level(found, 16000, alias)
        assert abs(lost) < 0.02 if hz == alias else lost > 70, (hz, lost)


@given(
    seed=st.integers(0, 2**32 - 1),
    rates=st.tuples(st.sampled_from([1000, 8000, 16000, 44100, 48000]), st.sampled_from([8000, 16000, 22050, 192000])),
    parts=st.lists(st.tuples(st.integers(0, 700), st.integers(1, 300)), min_size=1, max_size=5),
)
@examples()
def test_parts_of_any_size_give_the_same(seed: int, rates: tuple[int, int], parts: list[tuple[int, int]]) -> None:
    samples = np.random.default_rng(seed).integers(-32768, 32768, 400).astype(np.int16)
    whole, cut = resampled(samples, rates, [(400, 1 << 20)]), resampled(samples, rates, parts)
    assert whole == cut
    assert len(whole) == -(-400 * rates[1] // rates[0])


def resampled(samples: NDArray[np.int16], rates: tuple[int, int], parts: list[tuple[int, int]]) -> list[int]:
    """Samples in, as many as each part's first number; out, at most its second."""
    library, resampler, error, used = task_library(), c_void_p(), Error(), c_size_t()
    assert library.eq_resampler_open(*rates, byref(resampler), byref(error)) == 0
    result, at, turn, given_samples = [], 0, 0, array("h", samples.tobytes())
    while True:
        count, room = parts[turn % len(parts)]
        turn += 1
        count = min(max(count, turn % 2), len(samples) - at)
        source = None if at == len(samples) else given_samples.buffer_info()[0] + 2 * at
        to = (c_int16 * room)()
        made = library.eq_resampler_run(resampler, source, count, byref(used), to, room)
        result += to[:made]
        at += used.value
        if source is None and made == 0:
            break
    library.eq_resampler_close(resampler)
    return result


def test_a_task_hears_a_file_of_another_rate(tmp_path: Path) -> None:
    task = Task(
        identity((1, 1600)),
        {"task": 1, "input": {"kind": "audio", "features": "waveform"}, "output": {"kind": "classes"}},
    )
    tone = np.rint(8000 * np.sin(2 * np.pi * 440 * np.arange(44100) / 44100))
    heard = list(task.listen(write(tmp_path / "x.wav", tone, 44100)))
    assert [item.seconds for item in heard] == pytest.approx(np.arange(1, 11) / 10)
    view = task._engine.input_view(0)
    expected = 8000 / 32768 * np.sin(2 * np.pi * 440 * (np.arange(1600) / 16000 + 0.9))
    assert np.abs(view[0] - expected)[:1400].max() < 1e-3  # the rest hears the sound's end


def test_rates_without_a_simple_ratio_are_told(tmp_path: Path) -> None:
    assert gcd(44111, 16000) == 1
    with pytest.raises(
        InputError, match=r"x\.wav: it has 44111 samples a second, which have no simple ratio to the 16000"
    ):
        samples_of_wav(write(tmp_path / "x.wav", np.zeros(10), 44111), 16000)
