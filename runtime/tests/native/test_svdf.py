"""SVDF against LiteRT, and against the arithmetic of TensorFlow Lite Micro where LiteRT has none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .conftest import examples
from .damage import Damage, damaged, inputs_are, one_less, option
from .in_turn import check_close_in_turn, check_in_turn, frames_of, run_litert_in_turn
from .oracle import NativeError, run_native, seeded_inputs
from .recurrent import TANH
from .single_op import NONE, RELU, RELU6, RELU_N1_TO_1
from .svdf import Svdf, float_svdf, int8_svdf, micro_svdf, svdfs

SEEDS = st.integers(0, 2**32 - 1)


@given(svdf=svdfs(), activation=st.sampled_from([NONE, RELU, RELU_N1_TO_1, RELU6, TANH]), seed=SEEDS)
@examples()
def test_float(svdf: Svdf, activation: int, seed: int) -> None:
    data = float_svdf(replace(svdf, activation=activation), seed)
    frames = frames_of(data, seed)
    check_close_in_turn(data, frames, run_litert_in_turn(data, frames))


@given(svdf=svdfs(), weights=st.sampled_from(["INT8", "UINT8"]), seed=SEEDS)
@examples()
def test_hybrid(svdf: Svdf, weights: str, seed: int) -> None:
    data = float_svdf(svdf, seed, weights)
    frames = frames_of(data, seed)
    check_close_in_turn(data, frames, run_litert_in_turn(data, frames))


@given(svdf=svdfs(), resolver=st.sampled_from(["default", "reference"]), seed=SEEDS)
@examples()
def test_int8(svdf: Svdf, resolver: str, seed: int) -> None:
    model = int8_svdf(svdf, True, seed)
    frames = frames_of(model.data, seed)
    check_in_turn(model.data, frames, run_litert_in_turn(model.data, frames, resolver))


@given(svdf=svdfs(), wide=st.booleans(), activation=st.sampled_from([NONE, RELU]), seed=SEEDS)
@examples()
def test_int8_of_micro(svdf: Svdf, wide: bool, activation: int, seed: int) -> None:
    """LiteRT stops at other activations than RELU, and takes states of int8 for int16."""
    model = int8_svdf(replace(svdf, activation=activation), wide, seed)
    frames = frames_of(model.data, seed)
    check_in_turn(model.data, frames, micro_svdf(model, frames))


#: Constants are 1 weights of the input, 2 weights of the time, 3 bias.
BROKEN: dict[str, tuple[str, Damage]] = {
    "a rank that does not divide": ("which does not divide them", option("rank", 4)),
    "no rank": ("which does not divide them", option("rank", 0)),
    "a rank below 0": ("which does not divide them", option("rank", -2)),
    "an activation": ("no activation but RELU", option("fusedActivationFunction", RELU6)),
    "weights of another input": ("input 1 of another shape", one_less(0)),
    "no weights of the time": ("lacks its input 2", inputs_are({2: -1})),
    "a vector for weights of the time": ("of another rank than 2", inputs_are({2: 3})),
    "a bias of another type": ("has INT16 as its input 3", inputs_are({3: 2})),
    "state": ("input 4, a state, has another", one_less(4)),
    "a state that is none": ("input 4, a state, must be a variable", inputs_are({4: 2})),
    "no state": ("lacks its input 4", inputs_are({4: -1})),
    "computed weights": ("needs its input 3 to be constant", inputs_are({3: 4})),
}


@pytest.mark.parametrize("part", BROKEN)
def test_a_broken_one_is_refused(part: str) -> None:
    sentence, damage = BROKEN[part]
    data = int8_svdf(Svdf(batch=1, inputs=3, units=5, rank=2, memory=4), True, 0).data
    with pytest.raises(NativeError, match=sentence):
        run_native(damaged(data, damage), seeded_inputs(data))


def test_hybrid_weights_have_no_zero_point() -> None:
    data = float_svdf(Svdf(batch=1, inputs=3, units=5, rank=2, memory=4), 0, "INT8")

    def damage(graph: object) -> None:
        graph.tensors[1].quantization.zeroPoint = [1]  # type: ignore[attr-defined]

    with pytest.raises(NativeError, match="one scale and the zero point 0 for its input 1"):
        run_native(damaged(data, damage), seeded_inputs(data))
