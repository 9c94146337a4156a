"""Models of one Signal operator of TensorFlow Lite Micro each, and inputs for several runs of each.

What TensorFlow Lite Micro gives for them is in signal_vectors.json, which scripts/record_signal_vectors writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .single_op import Model

Array = NDArray[Any]
RUNS = 4


@dataclass(frozen=True)
class SignalCase:
    """A model, and the inputs of each of its runs, whose state goes on."""

    name: str
    data: bytes
    runs: list[list[Array]]
    outputs: tuple[str, ...]  # their types


def loud(rng: np.random.Generator, shape: tuple[int, ...], kind: str) -> Array:
    """Numbers of every size that the type has: each run is of another loudness."""
    if kind == "float32":
        return (rng.normal(size=shape) * 2.0 ** rng.uniform(-12, 12)).astype(kind)
    limits = np.iinfo(kind)
    scale = 2.0 ** rng.uniform(2, limits.bits - (limits.min < 0))
    values = np.abs(rng.normal(size=shape)) if limits.min == 0 else rng.normal(size=shape)
    return np.minimum(np.maximum(values * scale, limits.min), float(limits.max) * (1 - 2.0**-53)).astype(kind)


def one(
    name: str,
    inputs: list[tuple[tuple[int, ...], str]],
    outputs: list[tuple[tuple[int, ...], str]],
    options: dict[str, Any],
    constants: tuple[Array, ...] = (),
) -> tuple[bytes, list[list[Array]], tuple[str, ...]]:
    rng, model = np.random.default_rng(len(name) + len(inputs)), Model()
    tensors = [model.input(shape, kind.upper()) for shape, kind in inputs]
    tensors += [model.constant(values, values.dtype.name.upper()) for values in constants]
    results = [model.tensor(shape, kind.upper()) for shape, kind in outputs]
    model.custom(name, tensors, results, options)
    runs = [[loud(rng, *wanted) for wanted in inputs] for _ in range(RUNS)]
    return model.finish(results), runs, tuple(kind for _, kind in outputs)


def filter_bank() -> tuple[bytes, list[list[Array]], tuple[str, ...]]:
    rng = np.random.default_rng(3)
    widths = np.array([4, 3, 5, 2], np.int16)
    starts = np.cumsum([0, *widths[:-1]]).astype(np.int16)
    weights = rng.integers(0, 4096, 14).astype(np.int16)
    lists = (weights, (4096 - weights).astype(np.int16), (starts + 2).astype(np.int16), starts, widths)
    return one("SignalFilterBank", [((20,), "uint32")], [((3,), "uint64")], {"num_channels": 3}, lists)


SUBTRACTION = {
    "alternate_one_minus_smoothing": 15401, "alternate_smoothing": 983, "clamping": False, "min_signal_remaining": 819,
    "num_channels": 6, "one_minus_smoothing": 15975, "smoothing": 409, "smoothing_bits": 10,
    "spectral_subtraction_bits": 14,
}  # fmt: skip


TYPE_NUMBERS = {"float32": 0, "int32": 2, "int16": 7}  # of the schema


def transforms() -> Iterator[SignalCase]:
    """There in the two types that came later, and back in all three."""
    for kind, number in TYPE_NUMBERS.items():
        for length, given in ((4, 3), (8, 8), (32, 30), (256, 256)):
            options, spectrum = {"T": number, "fft_length": length}, (2, length + 2)
            if kind != "int16":
                edges = [((2, given), kind)], [(spectrum, kind)]
                yield SignalCase(f"rfft_{kind}_{length}", *one("SignalRfft", *edges, options))
            yield SignalCase(
                f"irfft_{kind}_{length}", *one("SignalIrfft", [(spectrum, kind)], [((2, length), kind)], options)
            )


def streams() -> Iterator[SignalCase]:
    """What keeps a part of what came."""
    for delay in (0, 3, 17):
        edges = [((2, 8), "int16")], [((2, 8), "int16")]
        yield SignalCase(f"delay_{delay}", *one("SignalDelay", *edges, {"delay_length": delay}))
    for size, step, prefill in ((5, 2, False), (5, 2, True), (6, 3, False), (2, 3, False), (10, 3, True)):
        options = {"frame_size": size, "frame_step": step, "prefill": prefill}
        outputs = [((2, 6 // step, size), "int16"), ((), "bool")]
        yield SignalCase(f"framer_{size}_{step}_{prefill}", *one("SignalFramer", [((2, 6), "int16")], outputs, options))
    for kind, step in (("int16", 3), ("float32", 3), ("int16", 7), ("float32", 1)):
        edges, options = [((2, 3, 7), kind)], {"T": TYPE_NUMBERS[kind], "frame_step": step}
        yield SignalCase(f"overlap_{kind}_{step}", *one("SignalOverlapAdd", edges, [((2, 3 * step), kind)], options))
    for left, right, step in ((1, 2, 1), (2, 0, 2), (0, 1, 2), (3, 1, 3)):
        options = {
            "num_channels": 4, "stacker_left_context": left, "stacker_right_context": right, "stacker_step": step,
        }  # fmt: skip
        outputs = [((4 * (left + right + 1),), "int16"), ((), "bool")]
        yield SignalCase(f"stacker_{left}_{right}_{step}", *one("SignalStacker", [((4,), "int16")], outputs, options))


def cases() -> Iterator[SignalCase]:
    """All of them. TensorFlow Lite Micro reads options by their place in the alphabet."""
    window = np.round(4096 * np.hanning(12)).astype(np.int16)
    yield SignalCase(
        "window", *one("SignalWindow", [((2, 12), "int16")], [((2, 12), "int16")], {"shift": 12}, (window,))
    )
    scaled: list[tuple[tuple[int, ...], str]] = [((30,), "int16"), ((), "int32")]
    yield SignalCase("auto_scale", *one("SignalFftAutoScale", [((30,), "int16")], scaled, {}))
    for length, given in ((4, 4), (8, 5), (16, 16), (64, 50), (512, 480)):
        options = {"T": 7, "fft_length": length}
        edges = [((2, given), "int16")], [((2, length + 2), "int16")]
        yield SignalCase(f"rfft_{length}", *one("SignalRfft", *edges, options))
    yield from transforms()
    yield from streams()
    options = {"end_index": 8, "start_index": 0}
    yield SignalCase("energy", *one("SignalEnergy", [((16,), "int16")], [((8,), "uint32")], options))
    yield SignalCase("filter_bank", *filter_bank())
    bits = np.array(3, np.int32)
    edges_of_root = [((9,), "uint64")], [((9,), "uint32")]
    yield SignalCase("square_root", *one("SignalFilterBankSquareRoot", *edges_of_root, {}, (bits,)))
    for clamping in (False, True):
        options = {**SUBTRACTION, "clamping": clamping}
        edges_of_noise = [((6,), "uint32")], [((6,), "uint32")] * 2
        yield SignalCase(
            f"subtraction_{clamping}", *one("SignalFilterBankSpectralSubtraction", *edges_of_noise, options)
        )
    gains = np.random.default_rng(9).integers(0, 2000, 125).astype(np.int16)
    edges_of_pcan = [((11,), "uint32"), ((11,), "uint32")], [((11,), "uint32")]
    yield SignalCase("pcan", *one("SignalPCAN", *edges_of_pcan, {"snr_shift": 6}, (gains,)))
    options = {"input_correction_bits": 3, "output_scale": 64}
    yield SignalCase("log", *one("SignalFilterBankLog", [((15,), "uint32")], [((15,), "int16")], options))
