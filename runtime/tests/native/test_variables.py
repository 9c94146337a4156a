"""Streaming models: variables keep their values from run to run, as in LiteRT, until the session is reset."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgequant_runtime import EngineError, Session, SessionError

from .conftest import example_count, examples
from .oracle import NativeError, NativeSession, run_native
from .single_op import Model, Quantized

pytestmark = pytest.mark.slow

Q = Quantized(0.1, 3)
TYPES: dict[str, Any] = {"INT8": np.int8, "FLOAT32": np.float32, "INT32": np.int32}


def handle(model: Model, name: str) -> int:
    made = model.tensor((1,), "RESOURCE")
    model.operator("VAR_HANDLE", [], [made], "VarHandleOptions", container="", sharedName=name)
    return made


def window(length: int, channels: int, kind: str, initial: NDArray[Any]) -> bytes:
    """Keeps the last `length` rows of what it was given: read, concatenate, slice, assign."""
    q = Q if kind == "INT8" else None
    model = Model()
    once = model.subgraph()
    once.operator(
        "ASSIGN_VARIABLE", [handle(once, "state"), once.constant(initial, kind, q)], [], "AssignVariableOptions"
    )
    once.outputs([])
    model.operator("CALL_ONCE", [], [], "CallOnceOptions", initSubgraphIndex=1)
    x = model.input((1, 1, channels), kind, q)
    state = handle(model, "state")
    old = model.tensor((1, length, channels), kind, q)
    longer = model.tensor((1, length + 1, channels), kind, q)
    new = model.tensor((1, length, channels), kind, q)
    model.operator("READ_VARIABLE", [state], [old], "ReadVariableOptions")
    model.operator("CONCATENATION", [old, x], [longer], "ConcatenationOptions", axis=1, version=2)
    ends = [model.constant(values, "INT32") for values in ([0, 1, 0], [1, length, channels])]
    model.operator("SLICE", [longer, *ends], [new], "SliceOptions", version=2)
    model.operator("ASSIGN_VARIABLE", [state, new], [], "AssignVariableOptions")
    return model.finish([new, old])


def test_a_run_that_fails_is_run_once() -> None:
    """Also where a short inference runs at once, without a turn: a counter says so."""
    model = Model()
    index, state = model.input((1,), "INT32"), handle(model, "state")
    old, new, taken = (model.tensor((1,), "FLOAT32") for _ in range(3))
    model.operator("READ_VARIABLE", [state], [old], "ReadVariableOptions")
    model.operator("ADD", [old, model.constant([1.0], "FLOAT32")], [new], "AddOptions")
    model.operator("ASSIGN_VARIABLE", [state, new], [], "AssignVariableOptions")
    model.operator("GATHER", [model.constant(np.arange(4.0), "FLOAT32"), index], [taken], "GatherOptions", axis=0)
    session = Session(model.finish([new, taken]), engine="native", threads=1)
    engine: Any = session._engine
    counts = []
    for place in (0, 0, 9, 0):
        session.input_view(session.inputs[0].name)[...] = place
        if place > 3:
            assert engine.invoke_at_once is not None
            with pytest.raises(EngineError, match=r"GATHER \(operator 4\): it computed a place"):
                session.invoke()
        else:
            session.invoke()
        counts.append(float(session.output_view(session.outputs[0].name)[0]))
    assert counts == [1, 2, 3, 4]


def run_litert_in_turn(data: bytes, frames: list[NDArray[Any]]) -> list[list[NDArray[Any]]]:
    interpreter = Interpreter(model_content=data, num_threads=1)
    interpreter.allocate_tensors()
    results = []
    for frame in frames:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], frame)
        interpreter.invoke()
        results.append([interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()])
    return results


@given(
    length=st.integers(1, 5),
    channels=st.integers(1, 20),
    kind=st.sampled_from(sorted(TYPES)),
    threads=st.sampled_from([1, 2]),
    seed=st.integers(0, 2**32 - 1),
)
@examples()
def test_state_lives_from_run_to_run(length: int, channels: int, kind: str, threads: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    initial = rng.integers(-100, 100, (1, length, channels)).astype(TYPES[kind])
    data = window(length, channels, kind, initial)
    frames = [rng.integers(-100, 100, (1, 1, channels)).astype(TYPES[kind]) for _ in range(length + 2)]
    expected = run_litert_in_turn(data, frames)
    with NativeSession(data, frames[:1], threads) as session:
        for _ in range(2):  # after a reset all is as at first
            for frame, outputs in zip(frames, expected):
                for ours, theirs in zip(session.run([frame]), outputs):
                    np.testing.assert_array_equal(ours, theirs)
            session.reset()


def test_sessions_have_variables_of_their_own() -> None:
    data = window(1, 2, "INT8", np.zeros((1, 1, 2)))
    a, b = np.full((1, 1, 2), 1, np.int8), np.full((1, 1, 2), 2, np.int8)
    with NativeSession(data, [a]) as first, NativeSession(data, [a]) as second:
        first.run([a])
        second.run([b])
        assert first.run([a])[1].tolist() == a.tolist()
        assert second.run([a])[1].tolist() == b.tolist()


@pytest.mark.parametrize("engine", ["native", "litert"])
@pytest.mark.parametrize("note", [None, "edgequant.begins_anew", "edgequant.begins_anew2", "edgequant.begins_ane"])
def test_a_file_may_say_that_its_tensors_hold_nothing_from_one_run_to_the_next(engine: str, note: str | None) -> None:
    """As the converter says of an LSTM whose network has no state; what is behind handles stays in any case."""
    model = Model()
    once = model.subgraph()
    once.operator(
        "ASSIGN_VARIABLE", [handle(once, "count"), once.constant([3.0], "FLOAT32")], [], "AssignVariableOptions"
    )
    once.outputs([])
    model.operator("CALL_ONCE", [], [], "CallOnceOptions", initSubgraphIndex=1)
    x, count = model.input((1, 1), "FLOAT32"), handle(model, "count")
    old, new, y = (model.tensor(shape, "FLOAT32") for shape in ((1,), (1,), (1, 1)))
    model.operator("READ_VARIABLE", [count], [old], "ReadVariableOptions")
    model.operator("ADD", [old, model.constant([1.0], "FLOAT32")], [new], "AddOptions")
    model.operator("ASSIGN_VARIABLE", [count, new], [], "AssignVariableOptions")
    weights = [model.constant(values, "FLOAT32") for values in ([[1.0]], [[2.0, 1.0]])]
    state = model.tensor((1, 2), "FLOAT32", variable=True)
    model.operator("SVDF", [x, *weights, -1, state], [y], "SVDFOptions", rank=1)
    session = Session(model.finish([new, y], note=note), engine=engine)
    runs = [[float(value.item()) for value in session.run(np.ones((1, 1))).values()] for _ in range(3)]
    remembered = [1.0, 3.0, 3.0] if note != "edgequant.begins_anew" else [1.0, 1.0, 1.0]
    assert runs == [[count, y] for count, y in zip((4.0, 5.0, 6.0), remembered)]


def test_a_variable_that_nothing_initializes_is_zero() -> None:
    """LiteRT refuses to read it."""
    model = Model()
    x = model.input((4,), "INT8", Q)
    y = model.tensor((4,), "INT8", Q)
    model.operator("READ_VARIABLE", [handle(model, "state")], [y], "ReadVariableOptions")
    model.operator("ASSIGN_VARIABLE", [handle(model, "state"), x], [], "AssignVariableOptions")
    frame = np.array([1, 2, 3, 4], np.int8)
    with NativeSession(model.finish([y]), [frame]) as session:
        assert session.run([frame])[0].tolist() == [3, 3, 3, 3]
        assert session.run([frame])[0].tolist() == [1, 2, 3, 4]


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["read", "add", "assign"]), st.integers(0, 9), st.integers(0, 9)), max_size=12
    ),
    last=st.integers(0, 9),
)
@settings(max_examples=10 * example_count())  # most orders are harmless
def test_no_order_of_reads_and_assignments_shares_memory_at_the_wrong_time(
    steps: list[tuple[str, int, int]], last: int
) -> None:
    """Of two variables, and of sums of what was read of them and given: what the planner leaves out, nobody misses."""
    model = Model()
    x = model.input((4,), "FLOAT32")
    handles = [handle(model, name) for name in "ab"]
    tensors = [x]

    def new_tensor() -> int:
        tensors.append(model.tensor((4,), "FLOAT32"))
        return tensors[-1]

    for kind, i, k in steps:
        first, second = tensors[i % len(tensors)], tensors[k % len(tensors)]
        if kind == "read":
            model.operator("READ_VARIABLE", [handles[i % 2]], [new_tensor()], "ReadVariableOptions")
        elif kind == "add":
            model.operator("ADD", [first, second], [new_tensor()], "AddOptions")
        else:
            model.operator("ASSIGN_VARIABLE", [handles[k % 2], first], [], "AssignVariableOptions")
    y = model.tensor((4,), "FLOAT32")
    model.operator("ADD", [tensors[last % len(tensors)], x], [y], "AddOptions")

    frame, variables = np.arange(4, dtype=np.float32), [np.zeros(4, np.float32)] * 2
    with NativeSession(model.finish([y]), [frame]) as session:
        for _ in range(4):
            values = [frame]
            for kind, i, k in steps:
                if kind == "read":
                    values.append(variables[i % 2])
                elif kind == "add":
                    values.append(values[i % len(values)] + values[k % len(values)])
                else:
                    variables[k % 2] = values[i % len(values)]
            np.testing.assert_array_equal(session.run([frame])[0], values[last % len(values)] + frame)


def test_a_graph_that_does_more_than_assign_is_refused() -> None:
    model = Model()
    once = model.subgraph()
    a = once.constant(np.zeros((1, 1, 2)), "INT8", Q)
    b = once.tensor((1, 1, 2), "INT8", Q)
    once.operator("NEG", [a], [b], "NegOptions")
    once.outputs([])
    model.operator("CALL_ONCE", [], [], "CallOnceOptions", initSubgraphIndex=1)
    x = model.input((1,), "INT8", Q)
    with pytest.raises(NativeError, match="more than assign constants"):
        run_native(model.finish([x]), [np.zeros(1, np.int8)])


def test_a_variable_of_two_sizes_is_refused() -> None:
    model = Model()
    x = model.input((4,), "INT8", Q)
    y = model.tensor((3,), "INT8", Q)
    state = handle(model, "state")
    model.operator("ASSIGN_VARIABLE", [state, x], [], "AssignVariableOptions")
    model.operator("READ_VARIABLE", [state], [y], "ReadVariableOptions")
    with pytest.raises(NativeError, match="another type or size"):
        run_native(model.finish([y]), [np.zeros(4, np.int8)])


@pytest.mark.parametrize("kept", [(4, 2, 3, 1), (1, 2, 12, 1), (24,)])
def test_a_variable_is_read_in_another_shape(kept: tuple[int, ...]) -> None:
    model = Model()
    x = model.input(kept, "INT8", Q)
    y = model.tensor((1, 6, 2, 2), "INT8", Q)
    state = handle(model, "state")
    model.operator("ASSIGN_VARIABLE", [state, x], [], "AssignVariableOptions")
    model.operator("READ_VARIABLE", [state], [y], "ReadVariableOptions")
    frame = np.arange(24, dtype=np.int8).reshape(kept)
    assert run_native(model.finish([y]), [frame])[0].tolist() == frame.reshape(1, 6, 2, 2).tolist()


def test_a_handle_has_no_values() -> None:
    model = Model()
    made = model.tensor((1,), "INT8", Q)
    model.operator("VAR_HANDLE", [], [made], "VarHandleOptions", container="", sharedName="state")
    with pytest.raises(NativeError, match="must be of type RESOURCE"):
        run_native(model.finish([made]), [])


def test_an_output_whose_shape_the_file_leaves_out() -> None:
    model = Model()
    x = model.input((2, 3), "INT8", Q)
    y = model.tensor((), "INT8", Q)
    state = handle(model, "state")
    model.operator("ASSIGN_VARIABLE", [state, x], [], "AssignVariableOptions")
    model.operator("READ_VARIABLE", [state], [y], "ReadVariableOptions")
    session = Session(model.finish([y]), engine="native")
    assert [info.shape for info in session.outputs] == [(2, 3)]


@pytest.mark.parametrize("engine", ["native", "litert"])
@pytest.mark.parametrize("initial", [0, 7])
def test_a_reset_session_is_as_it_was_opened(engine: str, initial: int) -> None:
    """LiteRT's own reset_all_variables() leaves named variables as they are, whose initial values CALL_ONCE assigns."""
    session = Session(window(2, 3, "INT8", np.full((1, 2, 3), initial, np.int8)), engine=engine, threads=1)
    frames = [np.full((1, 1, 3), value, np.int8) for value in (1, 2, 3)]

    def states() -> list[Any]:
        name = session.inputs[0].name
        return [[value.tolist() for value in session.run({name: frame}, raw=True).values()] for frame in frames]

    first = states()
    assert first[0][1] == np.full((1, 2, 3), initial).tolist()
    assert states() != first
    session.reset()
    assert states() == first
    assert (
        session.clone().run({session.inputs[0].name: frames[0]}, raw=True)[session.outputs[1].name].tolist()
        == (first[0][1])
    )


def test_litert_is_not_reset_under_a_view() -> None:
    session = Session(window(2, 3, "INT8", np.zeros((1, 2, 3), np.int8)), engine="litert", threads=1)
    view = session.input_view(session.inputs[0].name)
    with pytest.raises(SessionError, match=r"Views of this session are in use: delete them before resetting it\."):
        session.reset()
    del view
    session.reset()
