"""Sound on its way into a model: features against librosa's formulas in numpy, the micro frontend against TensorFlow
Lite Micro's model of it, and streams cut into chunks of any size."""

from __future__ import annotations

import struct
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgequant_runtime import InputError, Session, Task, TaskError

from .conftest import examples
from .heads import identity
from .single_op import Quantized

ZOO = Path(__file__).parents[4] / "shared" / "zoo"
RATE = 16000


def sound(seed: int, count: int) -> NDArray[np.int16]:
    """Tones that come and go, over noise."""
    generator, time = np.random.default_rng(seed), np.arange(count) / RATE
    tones = sum(np.sin(2 * np.pi * hz * time) * (np.sin(hz * time / 90) > 0) for hz in generator.uniform(90, 6000, 4))
    return (tones * 4000 + generator.normal(size=count) * 300).clip(-32768, 32767).astype(np.int16)


def zoo(name: str) -> Path:
    path = ZOO / f"{name}.tflite"
    if not path.is_file():
        pytest.skip("needs ../shared/zoo (real trained networks), which is not on this machine")
    return path


# ---- log-mel and MFCC: librosa 0.10, feature/spectral.py and filters.py, written down from their formulas ----


def hz_to_mel(hz: Any, htk: bool) -> Any:
    hz = np.asarray(hz, float)
    if htk:
        return 2595 * np.log10(1 + hz / 700)
    return np.where(hz >= 1000, 15 + np.log(np.maximum(hz, 1e-9) / 1000) / (np.log(6.4) / 27), hz * 3 / 200)


def mel_to_hz(mel: Any, htk: bool) -> Any:
    if htk:
        return 700 * (10 ** (np.asarray(mel) / 2595) - 1)
    return np.where(mel >= 15, 1000 * np.exp(np.log(6.4) / 27 * (mel - 15)), mel * 200 / 3)


def mel_filters(fft: int, bands: int, low: float, high: float, htk: bool, area: bool) -> NDArray[Any]:
    frequencies = np.fft.rfftfreq(fft, 1 / RATE)
    edges = mel_to_hz(np.linspace(hz_to_mel(low, htk), hz_to_mel(high, htk), bands + 2), htk)
    width, ramps = np.diff(edges), edges[:, None] - frequencies
    weights = np.maximum(0, np.minimum(-ramps[:-2] / width[:-1, None], ramps[2:] / width[1:, None]))
    return np.asarray(weights * (2 / (edges[2:] - edges[:-2]))[:, None] if area else weights)


def reference(samples: NDArray[np.int16], s: dict[str, Any]) -> NDArray[Any]:
    window, hop, fft = s["window"], s["hop"], s["fft"]
    frames = np.lib.stride_tricks.sliding_window_view(samples / 32768, window)[::hop]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    spectrum = np.abs(np.fft.rfft(frames * hann, fft)) ** s["power"]
    filters = mel_filters(fft, s["bands"], s["low_hz"], s["high_hz"], s["mel"] == "htk", s["norm"] == "slaney")
    mel = spectrum @ filters.T
    logs = {"db": lambda x: 10 * np.log10(np.maximum(s["floor"], x)), "ln": lambda x: np.log(np.maximum(s["floor"], x))}
    features = logs[s["log"]](mel) if s["log"] in logs else mel
    if s["features"] == "log_mel":
        return np.asarray(features)
    bands, i = s["bands"], np.arange(s["coefficients"])[:, None]
    basis = np.cos(np.pi * i * (np.arange(bands) + 0.5) / bands) * np.where(
        i == 0, np.sqrt(1 / bands), np.sqrt(2 / bands)
    )
    return np.asarray(features @ basis.T)


def given_to(settings: dict[str, Any], samples: NDArray[np.int16], rows: int, width: int) -> NDArray[Any]:
    """What the model is given after all samples, which it repeats as 'scores'."""
    task = Task(
        identity((1, rows, width)),
        {"task": 1, "input": {"kind": "audio", **settings}, "output": {"kind": "classes", "top": 1}},
    )
    view = task._engine.input_view(0)
    seen = [view.copy() for _ in task.listen(samples)]
    return np.asarray(seen[-1][0])


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"mel": "htk", "norm": "none", "log": "ln", "floor": 1e-6},
        {"power": 1, "log": "none", "window": 512, "hop": 512},
        {"window": 640, "hop": 320, "fft": 1024, "bands": 64, "low_hz": 125, "high_hz": 7500},
        {"features": "mfcc", "coefficients": 13},
        {"features": "mfcc", "coefficients": 10, "bands": 26, "mel": "htk", "hop": 100},
    ],
    ids=["librosa", "htk", "size", "wide", "mfcc", "mfcc-htk"],
)
def test_features_are_librosas(changes: dict[str, Any]) -> None:
    settings = {
        "rate": RATE, "features": "log_mel", "window": 400, "hop": 160, "fft": 512, "bands": 40, "low_hz": 0,
        "high_hz": 8000, "mel": "slaney", "norm": "slaney", "power": 2, "log": "db", "floor": 1e-10, **changes,
    }  # fmt: skip
    width = settings.get("coefficients", settings["bands"])
    rows = 9
    samples = sound(1, settings["window"] + (rows - 1) * settings["hop"])
    expected = reference(samples, settings)
    found = given_to({**settings, "step": 1}, samples, rows, width)
    assert expected.shape == found.shape
    assert np.abs(found - expected).max() <= 1e-4 * (expected.max() - expected.min())


def test_keyword_spotters_of_mlperf_hear_what_tensorflow_makes() -> None:
    """stft, linear_to_mel_weight_matrix and mfccs_from_log_mel_spectrograms of tf.signal, as MLPerf Tiny sets them."""
    samples = sound(7, RATE)
    frames = np.lib.stride_tricks.sliding_window_view(samples / 32768, 480)[::320]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(480) / 480)
    spectrum = np.abs(np.fft.rfft(frames * hann, 512))[:, 1:]  # 0 Hz is in no band
    mel = 1127 * np.log(1 + np.fft.rfftfreq(512, 1 / RATE)[1:, None] / 700)
    edges = np.linspace(*(1127 * np.log(1 + np.array([20, 4000]) / 700)), 42)
    rise, fall = (mel - edges[:-2]) / np.diff(edges)[:-1], (edges[2:] - mel) / np.diff(edges)[1:]
    logs = np.log(spectrum @ np.maximum(0, np.minimum(rise, fall)) + 1e-6)
    basis = np.sqrt(2 / 40) * np.cos(np.pi * np.arange(10)[:, None] * (np.arange(40) + 0.5) / 40)
    expected = logs @ basis.T
    task = Task(identity((1, 49, 10, 1)), {"task": 1, "output": {"kind": "classes"}})
    view = task._engine.input_view(0)
    assert len(list(task.listen(samples))) == 1
    assert np.abs(view[0, :, :, 0] - expected).max() <= 1e-4 * np.ptp(expected)


def test_micro_speech_is_known_by_its_1960_values() -> None:
    given = Task(identity((1, 1960), Quantized(26 / 255, -128))).to_dict()["input"]
    assert (given["features"], given["bands"], given["hop"], given["step"]) == ("micro_frontend", 40, 320, 49)


# ---- the micro frontend ----


@given(seed=st.integers(0, 2**32 - 1), loud=st.sampled_from([0, 1, 0.02, 8]))
@examples(2)
def test_micro_frontend_is_that_of_tensorflow_lite_micro(seed: int, loud: float) -> None:
    rows, hop, window = 12, 320, 480
    samples = (sound(seed, window + (rows - 1) * hop) * float(loud)).clip(-32768, 32767).astype(np.int16)
    for kind, quantized in (("int8", Quantized(26 / 255, -128)), ("float", None)):
        session = Session(zoo(f"tflm__audio_preprocessor_{kind}"), engine="native")
        frames = np.lib.stride_tricks.sliding_window_view(samples, window)[::hop]
        expected = [next(iter(session.run(frame[None].copy(), raw=True).values())).reshape(-1) for frame in frames]
        task = Task(
            identity((1, rows, 40), quantized),
            {
                "task": 1,
                "input": {"kind": "audio", "features": "micro_frontend", "hop": hop, "step": 1},
                "output": {"kind": "classes"},
            },
        )
        view = task._engine.input_view(0)
        assert len(list(task.listen(samples))) == 1
        np.testing.assert_array_equal(view[0], expected)


# ---- streams ----


@pytest.mark.parametrize("name", ["esphome__v2_okay_nabu", "esphome__okay_nabu"])
@given(sizes=st.lists(st.integers(1, 3000), min_size=1, max_size=8))
@examples(4)
def test_a_wake_word_hears_the_same_in_chunks_of_any_size(name: str, sizes: list[int]) -> None:
    samples = sound(2, 16000)
    whole = Task(zoo(name))
    expected = [(heard.seconds, heard.answer) for heard in whole.listen(samples)]
    chunked, found, at = Task(zoo(name)), [], 0
    while at < len(samples):
        for size in sizes:
            found += [heard.answer for heard in chunked.listen(samples[at : at + size])]
            at += size
    assert found == [answer for _, answer in expected]
    assert len(expected) == {"esphome__v2_okay_nabu": 32, "esphome__okay_nabu": 49}[name]


def test_after_a_reset_a_sound_is_heard_anew() -> None:
    task, samples = Task(zoo("esphome__v2_okay_nabu")), sound(3, 8000)
    first = [heard.answer for heard in task.listen(samples)]
    task.reset()
    assert [heard.answer for heard in task.listen(samples)] == first


def test_a_waveform_goes_in_as_it_is() -> None:
    samples = sound(4, 2000)
    settings = {"features": "waveform", "rate": 8000, "hop": 200}
    found = given_to(settings, samples, 5, 200)
    np.testing.assert_array_equal(found.reshape(-1), samples[-1000:].astype(np.float32) / 32768)


def test_a_hop_longer_than_the_window_leaves_samples_out() -> None:
    samples = sound(5, 3000)
    settings = {"features": "log_mel", "window": 256, "hop": 1000, "bands": 20, "fft": 256}
    expected = given_to(
        {**settings, "hop": 256}, np.concatenate([samples[i : i + 256] for i in (0, 1000, 2000)]), 3, 20
    )
    np.testing.assert_array_equal(given_to(settings, samples, 3, 20), expected)


# ---- WAV files ----


def wav(path: Path, data: bytes, *, rate: int = RATE, channels: int = 1, width: int = 2) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(data)
    return path


def task_of_samples(count: int) -> Task:
    return Task(
        identity((1, count)),
        {"task": 1, "input": {"kind": "audio", "features": "waveform"}, "output": {"kind": "classes"}},
    )


def heard_from(path: Path, count: int) -> NDArray[Any]:
    task = task_of_samples(count)
    view = task._engine.input_view(0)
    task.run(path)
    return np.rint(view[0] * 32768).astype(int)


def test_every_width_of_samples(tmp_path: Path) -> None:
    samples = sound(6, 500)
    wide = samples.astype("<i4") * 65536
    content = {
        1: ((samples >> 8) + 128).astype(np.uint8).tobytes(),
        2: samples.astype("<i2").tobytes(),
        3: (wide >> 8).astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes(),
        4: wide.tobytes(),
    }
    for width, data in content.items():
        expected = samples.astype(int) if width > 1 else (samples.astype(int) >> 8) * 256
        np.testing.assert_array_equal(heard_from(wav(tmp_path / "x.wav", data, width=width), 500), expected)
    pairs = np.stack([samples, -samples // 3], 1)
    expected = np.trunc(pairs.astype(int).sum(1) / 2)
    stereo = wav(tmp_path / "x.wav", pairs.astype("<i2").tobytes(), channels=2)
    np.testing.assert_array_equal(heard_from(stereo, 500), expected)
    floats = (samples / 32768).astype("<f4").tobytes()
    header = b"RIFF\0\0\0\0WAVEfmt " + struct.pack("<IHHIIHH", 16, 3, 1, RATE, RATE * 4, 4, 32)
    (tmp_path / "x.wav").write_bytes(header + b"LIST\x03\0\0\0abc\0data\xff\xff\xff\xff" + floats)
    np.testing.assert_array_equal(heard_from(tmp_path / "x.wav", 500), samples)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is cut off before"),
        (b"RIFX", "it is no WAV file"),
        (b"RIFF\0\0\0\0AVI ", "it is no WAV file"),
        (b"RIFF\0\0\0\0WAVEdata\4\0\0\0abcd", "samples come before their format"),
        (b"RIFF\0\0\0\0WAVEfmt \2\0\0\0ab", "format has 2 bytes"),
        (b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 85, 1, RATE, 0, 0, 16), "of format 85"),
        (b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 1, 0, RATE, 0, 0, 16), "0 channels"),
        (b"RIFF\0\0\0\0WAVEfmt \xff\xff\xff\xff", "is cut off before"),
        (b"RIFF\0\0\0\0WAVEjunk" + struct.pack("<I", 70000) + bytes(70000), "without samples in its first 64 KiB"),
    ],
)
def test_damaged_sounds_are_told(content: bytes, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        task_of_samples(500).run(tmp_path / "x.wav")


def test_too_little_sound_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it needs 500 samples at 16000 Hz"):
        task_of_samples(500).run(wav(tmp_path / "x.wav", bytes(900)))


@given(st.binary(max_size=80))
@examples()
def test_any_bytes_are_a_sound_or_refused(content: bytes) -> None:
    import ctypes

    from edgequant_runtime._engines._library import Error
    from edgequant_runtime._task._library import Sound, task_library

    begin = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 1, 1, RATE, 0, 0, 16)
    for data in (content, begin + content, begin + b"data" + content):
        error, found = Error(), Sound()
        status = task_library().eq_sound_read_wav(data, len(data), ctypes.byref(found), ctypes.byref(error))
        assert status == 0 or error.message
        assert found.offset + found.bytes <= len(data)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"features": "log_mel", "fft": 500}, "'input.fft' must be a power of two"),
        ({"features": "log_mel", "window": 600, "fft": 512}, "'input.fft' must be a power of two, and 600 or more"),
        ({"features": "log_mel", "low_hz": 9000}, "'input.low_hz' must be under"),
        ({"features": "log_mel", "bands": 30}, "no whole rows of 30"),
        ({"features": "mfcc", "bands": 10, "coefficients": 20}, "'input.coefficients' must not be more"),
        ({"features": "log_mel", "floor": 0}, "'input.floor' must be above 0"),
        ({"features": "log_mel", "step": 9}, "'input.step' is 9: the model sees 8 rows"),
        ({}, "'input.features' must say"),
    ],
)
def test_settings_that_make_no_sense_are_told(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(TaskError, match=sentence):
        Task(identity((1, 8, 20)), {"task": 1, "input": {"kind": "audio", **settings}, "output": {}})
