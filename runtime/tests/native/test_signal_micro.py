"""TensorFlow Lite Micro's Signal operators: its own results, and what is wrong with models told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .oracle import NativeError, NativeSession, kernel_sets, run_native
from .signal_cases import SUBTRACTION, SignalCase, cases, one
from .single_op import Model

VECTORS: dict[str, list[list[str]]] = json.loads((Path(__file__).parent / "signal_vectors.json").read_text())
CASES = list(cases())
Made = tuple[bytes, list[list[Any]], tuple[str, ...]]


def test_every_case_has_its_vectors() -> None:
    assert [case.name for case in CASES] == list(VECTORS)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.name))
def test_gives_what_tensorflow_lite_micro_gives(case: SignalCase) -> None:
    for kernels in kernel_sets():
        with NativeSession(case.data, case.runs[0], 2, kernels) as session:
            for inputs, expected in zip(case.runs, VECTORS[case.name]):
                outputs = session.run(inputs)
                assert [output.tobytes().hex() if told else "" for output, told in zip(outputs, expected)] == expected


@pytest.mark.parametrize(
    "name", ["subtraction_False", "delay_3", "framer_10_3_True", "overlap_float32_3", "stacker_2_0_2"]
)
def test_a_state_begins_anew_after_a_reset(name: str) -> None:
    case = next(case for case in CASES if case.name == name)
    with NativeSession(case.data, case.runs[0]) as session:
        first = session.run(case.runs[0])
        again = session.run(case.runs[0])
        assert [output.tolist() for output in again] != [output.tolist() for output in first]
        session.reset()
        assert [output.tolist() for output in session.run(case.runs[0])] == [output.tolist() for output in first]


def sentence_of(made: Made) -> str:
    data, runs, _ = made
    with pytest.raises(NativeError) as caught:
        run_native(data, runs[0])
    return str(caught.value)


WAVE, SPECTRUM = [((16,), "int16")], [((6,), "uint32")]
LISTS = tuple(np.array(values, np.int16) for values in ([1, 2, 3, 4], [1, 2, 3, 4], [0, 2], [0, 2], [2, 2]))


def rfft(**options: int) -> Made:
    return one("SignalRfft", WAVE, [((10,), "int16")], options)


def energy(start: int, end: int) -> Made:
    return one("SignalEnergy", WAVE, [((8,), "uint32")], {"start_index": start, "end_index": end})


def window(size: int, shift: int) -> Made:
    return one("SignalWindow", WAVE, WAVE, {"shift": shift}, (np.ones(size, np.int16),))


def pcan(gains: int, shift: int) -> Made:
    return one("SignalPCAN", SPECTRUM * 2, SPECTRUM, {"snr_shift": shift}, (np.ones(gains, np.int16),))


def logarithm(bits: int) -> Made:
    return one("SignalFilterBankLog", SPECTRUM, [((6,), "int16")], {"input_correction_bits": bits})


def subtraction(**options: int) -> Made:
    return one("SignalFilterBankSpectralSubtraction", SPECTRUM, SPECTRUM * 2, SUBTRACTION | options)


def frames(size: int, step: int, prefill: bool = False) -> Made:
    options = {"frame_size": size, "frame_step": step, "prefill": prefill}
    return one("SignalFramer", WAVE, [((4, 4), "int16"), ((), "bool")], options)


def stacker(channels: int, left: int, step: int) -> Made:
    options = {
        "num_channels": channels, "stacker_left_context": left, "stacker_right_context": 0, "stacker_step": step,
    }  # fmt: skip
    return one("SignalStacker", WAVE, [((32,), "int16"), ((), "bool")], options)


COLUMN = [((16, 1), "int16")], [((16, 32), "int16"), ((), "bool")]
STACKED = {"num_channels": 16, "stacker_left_context": 1, "stacker_right_context": 0, "stacker_step": 1}


def overlap(step: int) -> Made:
    return one("SignalOverlapAdd", [((2, 4), "int16")], [((8,), "int16")], {"frame_step": step})


def bank(index: int, values: list[int], channels: int = 1) -> Made:
    lists = tuple(np.array(values, np.int16) if i == index else given for i, given in enumerate(LISTS))
    return one("SignalFilterBank", SPECTRUM, [((channels,), "uint64")], {"num_channels": channels}, lists)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: rfft(fft_length=12), "powers of two from 4 on"),
        (lambda: rfft(fft_length=8), "transforms 16 of 8 values"),
        (lambda: rfft(fft_length=-(2**31)), "transforms 16 of -2147483648"),
        (rfft, "transforms 16 of 0 values"),
        (lambda: one("SignalIrfft", WAVE, WAVE, {"fft_length": 16}), "pairs for half of them and one"),
        (lambda: one("SignalDelay", WAVE, WAVE, {"delay_length": -1}), "delays by -1"),
        (lambda: frames(4, 0), "whole steps"),
        (lambda: frames(4, 5), "whole steps"),
        (lambda: frames(2**31 - 1, 4), "whole steps"),
        (lambda: frames(2, 4, prefill=True), "whole steps"),
        (lambda: stacker(15, 1, 1), "one value for each channel"),
        (lambda: one("SignalStacker", *COLUMN, STACKED), "one value for each channel"),
        (lambda: stacker(16, 1, 3), "no step past them"),
        (lambda: stacker(16, 2**30, 1), "stacks 16 channels"),
        (lambda: overlap(5), "at least one and at most all"),
        (lambda: energy(2, 9), "from 2 to 9 of 8"),
        (lambda: energy(-1, 3), "from -1 to 3 of 8"),
        (lambda: window(16, 40), "shifts by no 0 to 31"),
        (lambda: window(15, 1), "window does not fit"),
        (lambda: bank(2, [0, 5]), "channel 1 reads outside"),
        (lambda: bank(2, [-1, 0]), "channel 0 reads outside"),
        (lambda: bank(3, [0, 3]), "channel 1 reads outside"),
        (lambda: bank(4, [2, 32767]), "channel 1 reads outside"),
        (lambda: bank(4, [2, 2, 2]), "no constant int16 list for 1 channels"),
        (lambda: bank(1, [1]), "lists of weights differ"),
        (lambda: bank(0, [1], channels=0), "has 0 channels"),
        (lambda: pcan(124, 6), "125 gains"),
        (lambda: pcan(125, 64), "a shift of 0 to 63"),
        (lambda: logarithm(32), "0 to 31 places"),
        (lambda: subtraction(smoothing_bits=99), "shifts by 0 to 31 places"),
        (lambda: subtraction(num_channels=7), "for each of 7 channels"),
    ],
)
def test_hostile_options_are_refused(make: Callable[[], Made], sentence: str) -> None:
    assert sentence in sentence_of(make())


def test_options_that_are_no_flexbuffer_are_refused() -> None:
    model = Model()
    x, y = model.input((16,), "INT16"), model.tensor((18,), "INT16")
    model.custom("SignalRfft", [x], [y], b"\xff\xfe\x03")
    with pytest.raises(NativeError, match="transforms 16 of 0 values"):
        run_native(model.finish([y]), [np.zeros(16, np.int16)])
