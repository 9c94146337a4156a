"""LSTM against LiteRT: the same bits where it is quantized, close in floats; several runs, for its state lives on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from .conftest import examples
from .oracle import NativeError, NativeSession, difference, kernel_sets, run_native, same_bits, seeded_inputs
from .recurrent import TANH, Lstm, float_lstm, int8_lstm, lstms, run_litert_in_turn
from .single_op import RELU, RELU6

pytestmark = pytest.mark.slow

SEEDS = st.integers(0, 2**32 - 1)


def frames_of(data: bytes, seed: int) -> list[NDArray[Any]]:
    return [seeded_inputs(data, seed + run)[0] for run in range(3)]


def check_in_turn(data: bytes, frames: Sequence[NDArray[Any]], expected: Sequence[NDArray[Any]]) -> None:
    """The same outputs for the same frames in turn, with every kernel set, and again after a reset."""
    for number, name in enumerate(kernel_sets()):
        with NativeSession(data, frames[:1], 1 + number % 2, name) as session:
            for run in range(2):
                for frame, theirs in zip(frames, expected):
                    ours = session.run([frame])[0]
                    assert same_bits(ours, theirs), f"{name}, run {run}: {difference(ours, theirs, 'default')}"
                session.reset()


@given(lstm=lstms(), seed=SEEDS)
@examples()
def test_int8(lstm: Lstm, seed: int) -> None:
    data = int8_lstm(lstm, seed)
    frames = frames_of(data, seed)
    check_in_turn(data, frames, run_litert_in_turn(data, frames))


def one_less(slot: int) -> Callable[[Any], None]:
    """In the last dimension of an input."""

    def damage(graph: Any) -> None:
        tensor = graph.tensors[graph.operators[0].inputs[slot]]
        tensor.shape = np.append(tensor.shape[:-1], tensor.shape[-1] - 1)

    return damage


def inputs_are(tensors: dict[int, int]) -> Callable[[Any], None]:
    """Other tensors for some inputs; -1 is absent."""

    def damage(graph: Any) -> None:
        inputs = graph.operators[0].inputs
        graph.operators[0].inputs = np.array([tensors.get(i, t) for i, t in enumerate(inputs)], np.int32)

    return damage


@given(lstm=lstms(), activation=st.sampled_from([TANH, RELU, RELU6]), seed=SEEDS)
@examples()
def test_float(lstm: Lstm, activation: int, seed: int) -> None:
    """Within 1e-5 of LiteRT, and the same bits with every kernel set."""
    assume(lstm.sequence or lstm.outputs <= lstm.cells)  # else LiteRT writes past its memory, with layer norm and CIFG
    data = float_lstm(replace(lstm, activation=activation, cell_clip=lstm.cell_clip or 5.0), seed)
    frames = frames_of(data, seed)
    expected = run_litert_in_turn(data, frames)
    with NativeSession(data, frames[:1], kernels="scalar") as session:
        found = [session.run([frame])[0] for frame in frames]
    for ours, theirs in zip(found, expected):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * max(1.0, float(np.abs(theirs).max())))
    check_in_turn(data, frames, found)


#: Constants are 1 weights, 2 recurrent weights, 3 bias of the first gate, and so on.
BROKEN: dict[str, tuple[str, Callable[[Any], None]]] = {
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
    model = schema.ModelT.InitFromPackedBuf(data)
    damage(model.subgraphs[0])
    builder = flatbuffers.Builder(4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    with pytest.raises(NativeError, match=sentence):
        run_native(bytes(builder.Output()), frame)
