"""RNN in its three operators against LiteRT, with float weights and with int8 ones."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from .conftest import examples
from .damage import Damage, damaged, inputs_are, one_less, option
from .in_turn import check_close_in_turn, frames_of, is_near_a_tie, run_litert_in_turn
from .oracle import NativeError, run_native, seeded_inputs
from .recurrent import BIDIRECTIONALS, Bidirectional
from .rnn import Rnn, bidirectional_rnn, rnn, rnns

pytestmark = pytest.mark.slow

SEEDS = st.integers(0, 2**32 - 1)
KINDS = st.sampled_from(["FLOAT32", "INT8", "UINT8"])


def check_rnn(data: bytes, spec: Rnn, kind: str, seed: int) -> None:
    """Int8 weights ask for states that are quantized too, which a last bit may decide."""
    frames = frames_of(data, seed)
    expected = run_litert_in_turn(data, frames)
    assume(kind == "FLOAT32" or not is_near_a_tie(expected, spec.asymmetric))
    check_close_in_turn(data, frames, expected)


@given(spec=rnns(), kind=KINDS, seed=SEEDS)
@examples()
def test_one_direction(spec: Rnn, kind: str, seed: int) -> None:
    check_rnn(rnn(spec, seed, kind), spec, kind, seed)


@given(spec=rnns(1), kind_of=BIDIRECTIONALS, kind=KINDS, seed=SEEDS)
@examples()
def test_two_directions(spec: Rnn, kind_of: Bidirectional, kind: str, seed: int) -> None:
    # LiteRT is wrong with others: docs/arithmetic.md
    if kind != "FLOAT32":
        spec = replace(spec, time_major=False)
    if kind_of.second == "instead" and not spec.time_major:
        kind_of = replace(kind_of, second="none")
    check_rnn(bidirectional_rnn(spec, kind_of, seed, kind), spec, kind, seed)


#: Tensors: 0 input, 1 second input, 2 to 5 weights, recurrent weights, bias and state forwards, 6 to 9 backwards.
BROKEN: dict[str, tuple[str, Damage]] = {
    "weights": ("input 1 of another shape", inputs_are({1: 3})),
    "weights of the second input": ("input 10 of another shape", inputs_are({10: 3})),
    "no second input": ("weights of a second input, and no such", inputs_are({9: -1})),
    "a second input of another shape": ("second input of another", inputs_are({9: 2})),
    "weights of one direction": ("lacks its input 11", inputs_are({11: -1})),
    "bias": ("has an input 1 of another shape", inputs_are({3: 8})),
    "state": ("input 4, a state, has another", one_less(4)),
    "one state for both": ("another type or size|one tensor as two", inputs_are({8: 5})),
    "a state that is none": ("input 4, a state, must be a variable", inputs_are({4: 3})),
    "outputs": ("has 2 outputs where the operator gives 1", option("mergeOutputs", True)),
}


@pytest.mark.parametrize("part", BROKEN)
def test_a_broken_one_is_refused(part: str) -> None:
    sentence, damage = BROKEN[part]
    data = bidirectional_rnn(Rnn(batch=1, time=2, inputs=3, units=4), Bidirectional(False, "beside"), 0, "FLOAT32")
    with pytest.raises(NativeError, match=sentence):
        run_native(damaged(data, damage), seeded_inputs(data))
