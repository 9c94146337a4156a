"""LSTM against LiteRT: the same bits where it is quantized, close in floats; several runs, for its state lives on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from .conftest import examples
from .damage import Damage, damaged, inputs_are, one_less, option
from .in_turn import (
    are_close_in_turn,
    check_close_in_turn,
    check_in_turn,
    frames_of,
    is_near_a_tie,
    run_litert_in_turn,
    run_native_in_turn,
)
from .lstm_int16 import int16_lstm, micro_lstm
from .oracle import NativeError, run_native, seeded_inputs
from .recurrent import (
    BIDIRECTIONALS,
    TANH,
    Basic,
    Bidirectional,
    Lstm,
    basic_lstm,
    bidirectional_lstm,
    float_lstm,
    int8_lstm,
    lstms,
)
from .single_op import RELU, RELU6

pytestmark = pytest.mark.slow

SEEDS = st.integers(0, 2**32 - 1)


@given(lstm=lstms(), resolver=st.sampled_from(["default", "reference"]), seed=SEEDS)
@examples()
def test_int8(lstm: Lstm, resolver: str, seed: int) -> None:
    data = int8_lstm(lstm, seed)
    frames = frames_of(data, seed)
    check_in_turn(data, frames, run_litert_in_turn(data, frames, resolver))


@given(
    lstm=st.builds(
        lambda cells, **more: Lstm(cells=cells, outputs=cells, **more),
        cells=st.integers(1, 21),
        batch=st.integers(1, 3),
        time=st.integers(1, 5),
        inputs=st.sampled_from([1, 7, 35, 600]),
        time_major=st.booleans(),
        cell_clip=st.sampled_from([0.0, 0.5, 10.0]),
    ),
    seed=SEEDS,
)
@examples()
def test_int16(lstm: Lstm, seed: int) -> None:
    """As TensorFlow Lite Micro has it."""
    model = int16_lstm(lstm, seed)
    frames = frames_of(model.data, seed)
    check_in_turn(model.data, frames, micro_lstm(model, frames))


@given(lstm=lstms(), activation=st.sampled_from([TANH, RELU, RELU6]), seed=SEEDS)
@examples()
def test_float(lstm: Lstm, activation: int, seed: int) -> None:
    """Within 1e-5 of LiteRT, and the same bits with every kernel set."""
    assume(lstm.sequence or lstm.outputs <= lstm.cells)  # else LiteRT writes past its memory, with layer norm and CIFG
    data = float_lstm(replace(lstm, activation=activation, cell_clip=lstm.cell_clip or 5.0), seed)
    frames = frames_of(data, seed)
    check_close_in_turn(data, frames, run_litert_in_turn(data, frames))


@given(lstm=lstms(), kind=st.sampled_from(["INT8", "UINT8"]), seed=SEEDS)
@examples()
def test_hybrid(lstm: Lstm, kind: str, seed: int) -> None:
    """The output state is quantized too; where a last bit decides how, the engines may differ by a step."""
    lstm = replace(lstm, projection=False, outputs=lstm.cells)
    data = float_lstm(lstm, seed, kind)
    frames = frames_of(data, seed)
    expected = run_litert_in_turn(data, frames)
    assume(not is_near_a_tie(expected, lstm.asymmetric))
    check_close_in_turn(data, frames, expected)


@given(
    lstm=st.builds(
        Basic,
        batch=st.integers(1, 3),
        inputs=st.integers(1, 35),
        cells=st.integers(1, 21),
        kind=st.sampled_from(["FLOAT32", "UINT8"]),
        variables=st.booleans(),
    ),
    seed=SEEDS,
)
@examples()
def test_basic(lstm: Basic, seed: int) -> None:
    """The kernel of older networks; states that are inputs do not go on."""
    data = basic_lstm(lstm, seed)
    frames = frames_of(data, seed)
    expected = run_litert_in_turn(data, frames)
    if lstm.kind == "UINT8":
        check_in_turn(data, frames, expected)
    else:
        check_close_in_turn(data, frames, expected)


@pytest.mark.parametrize("asymmetric", [False, True])
def test_hybrid_projection(asymmetric: bool) -> None:
    """What is projected is quantized as well, and nobody sees it: one of ten may differ by a step of it."""
    lstm = Lstm(batch=2, time=4, inputs=9, cells=14, outputs=6, projection=True, norm=True, asymmetric=asymmetric)
    close = 0
    for seed in range(10):
        data = float_lstm(replace(lstm, proj_clip=0.3 * (seed % 2)), seed, "INT8")
        frames = frames_of(data, seed)
        expected = run_litert_in_turn(data, frames)
        check_close_in_turn(data, frames, expected, within=0.02)
        close += are_close_in_turn(run_native_in_turn(data, frames), expected)
    assert close >= 9


@given(lstm=lstms(), kind_of=BIDIRECTIONALS, kind=st.sampled_from(["FLOAT32", "INT8", "UINT8"]), seed=SEEDS)
@examples()
def test_bidirectional(lstm: Lstm, kind_of: Bidirectional, kind: str, seed: int) -> None:
    lstm = replace(lstm, sequence=True, norm=False, cell_clip=lstm.cell_clip or 5.0)
    if kind != "FLOAT32":
        lstm = replace(lstm, projection=False, outputs=lstm.cells)
    if kind_of.merged and not lstm.time_major:
        lstm = replace(lstm, batch=1)  # LiteRT writes the states of others past their end: docs/arithmetic.md
    data = bidirectional_lstm(lstm, kind_of, seed, kind)
    frames = frames_of(data, seed)
    expected = run_litert_in_turn(data, frames)
    assume(kind == "FLOAT32" or not is_near_a_tie(expected, lstm.asymmetric))
    check_close_in_turn(data, frames, expected)


#: Constants are 1 weights, 2 recurrent weights, 3 bias of the first gate, and so on.
BROKEN: dict[str, tuple[str, Damage]] = {
    "weights": ("input 2 of another shape", inputs_are({2: 5})),
    "recurrent weights": ("no projection between", inputs_are({8: 10})),
    "bias": ("has INT8 as its input 13", inputs_are({13: 4})),
    "output state": ("input 18, a state, has another", one_less(18)),
    "cell state": ("input 19, a state, has another", one_less(19)),
    "a state that is none": ("input 18, a state, must be a variable", inputs_are({18: 2})),
    "no state": ("lacks its input 18", inputs_are({18: -1})),
    "no bias": ("lacks its input 12", inputs_are({12: -1})),
    "an input gate's bias alone": ("without its fellows", inputs_are({1: -1, 5: -1})),
    "intermediates": ("intermediate results", lambda graph: setattr(graph.operators[0], "intermediates", None)),
}


@pytest.mark.parametrize("part", BROKEN)
def test_a_broken_one_is_refused(part: str) -> None:
    sentence, damage = BROKEN[part]
    data = int8_lstm(Lstm(batch=1, time=2, inputs=3, cells=4, outputs=4), 0)
    frame = seeded_inputs(data)
    with pytest.raises(NativeError, match=sentence):
        run_native(damaged(data, damage), frame)


#: Inputs are 0 to 2: the input, the output before and the state.
BROKEN_BASIC: dict[str, tuple[str, Damage]] = {
    "a state": ("needs INT16", inputs_are({4: 1})),
    "the output before": ("needs INT8 of", inputs_are({1: 0})),
    "weights": ("needs its input 2 to be constant", inputs_are({2: 0})),
    "bias": ("has INT8 as its input 3", inputs_are({3: 2})),
    "no weights": ("lacks its input 2", inputs_are({2: -1})),
    "the full kernel": ("inputs", option("kernelType", 0)),
}


@pytest.mark.parametrize("part", BROKEN_BASIC)
def test_a_broken_basic_one_is_refused(part: str) -> None:
    sentence, damage = BROKEN_BASIC[part]
    data = basic_lstm(Basic(batch=2, inputs=3, cells=4, kind="UINT8", variables=False), 0)
    frame = seeded_inputs(data)
    with pytest.raises(NativeError, match=sentence):
        run_native(damaged(data, damage), frame)


#: Constants are 1 to 4 weights, 5 to 8 recurrent weights, 9 to 12 biases; 13 and 14 are the states.
BROKEN_INT16: dict[str, tuple[str, Damage]] = {
    "no input gate": ("may not have in int16", inputs_are({1: -1, 5: -1, 12: -1})),
    "a projection": ("may not have in int16", inputs_are({16: 5})),
    "an activation": ("no activation but tanh", option("fusedActivationFunction", RELU)),
    "bias": ("has INT8 as its input 12", inputs_are({12: 1})),
    "a zero point": ("without zero points", lambda graph: setattr(graph.tensors[0].quantization, "zeroPoint", [1])),
    "the cell's scale": ("a power of two", lambda graph: setattr(graph.tensors[14].quantization, "scale", [0.001])),
    "a scale": ("scale out of range", lambda graph: setattr(graph.tensors[0].quantization, "scale", [1e9])),
}


@pytest.mark.parametrize("part", BROKEN_INT16)
def test_a_broken_one_of_int16_is_refused(part: str) -> None:
    sentence, damage = BROKEN_INT16[part]
    data = int16_lstm(Lstm(batch=1, time=2, inputs=4, cells=4, outputs=4), 0).data
    with pytest.raises(NativeError, match=sentence):
        run_native(damaged(data, damage), seeded_inputs(data))
