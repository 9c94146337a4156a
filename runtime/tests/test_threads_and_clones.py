"""Threads on one session take turns; clones run side by side on the same weights; forked processes are told."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgequant_runtime import Session, SessionError
from edgequant_runtime._engines import _native

from .test_session import SUFFIXES

RUNS = 60


@pytest.fixture
def session(models: Path, engine: str) -> Session:
    return Session(models / f"float{SUFFIXES[engine]}", engine=engine, threads=1)


def samples(count: int) -> list[NDArray[Any]]:
    """Of different batches, so that threads also resize the session under each other."""
    rng = np.random.default_rng(count)
    return [rng.normal(size=(1 + i, 4)).astype(np.float32) for i in range(count)]


def run_in_threads(sessions: list[Session], inputs: list[NDArray[Any]]) -> list[str]:
    """Run each input in a thread of its own, many times; return what was wrong."""
    wanted = [sessions[0].run(x)["probabilities"] for x in inputs]
    wrong: list[str] = []
    ready = threading.Barrier(len(inputs))

    def work(place: int) -> None:
        ready.wait()
        try:
            for _ in range(RUNS):
                given = sessions[place % len(sessions)].run(inputs[place])["probabilities"]
                if given.shape != wanted[place].shape or not np.allclose(given, wanted[place], atol=1e-6):
                    wrong.append(f"thread {place} got another's result")
        except Exception as error:
            wrong.append(f"thread {place}: {error}")

    workers = [threading.Thread(target=work, args=(place,), daemon=True) for place in range(len(inputs))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    return wrong + [f"{worker.name} hangs" for worker in workers if worker.is_alive()]


def test_threads_take_turns_on_one_session(session: Session) -> None:
    assert run_in_threads([session], samples(3)) == []


def test_threads_run_clones_side_by_side(session: Session) -> None:
    assert run_in_threads([session, session.clone()], samples(2)) == []


def test_two_python_threads_on_an_engine_with_two_threads(shared: Path) -> None:
    """What killed the interpreter: the pool of a session run by two threads at once."""
    code = """
import sys, threading
import numpy as np
from edgequant_runtime import Session

session = Session(sys.argv[1], engine="native", threads=2)
images = [np.full((1, 32, 32, 3), value, np.int8) for value in (-100, 100)]
wanted = [session.run(image, raw=True) for image in images]
wrong = []

def work(image, expected):
    for _ in range(100):
        given = session.run(image, raw=True)
        wrong.extend(name for name in expected if not np.array_equal(given[name], expected[name]))

workers = [threading.Thread(target=work, args=pair) for pair in zip(images, wanted)]
[worker.start() for worker in workers]
[worker.join() for worker in workers]
print(wrong)
"""
    command = [sys.executable, "-c", code, str(shared / "models" / "pretrainedResnet_quant.tflite")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_clone_begins_as_the_session_did(session: Session) -> None:
    session.run(np.ones((3, 4)))
    twin = session.clone()
    assert (twin.engine, twin.threads, twin.fallback_reason) == (session.engine, 1, session.fallback_reason)
    assert twin.inputs == session.inputs
    assert twin.input_view("features").shape == (1, 4)
    del session
    assert twin.run(np.ones((2, 4)))["probabilities"].shape == (2, 3)


def test_native_clones_share_packed_weights(models: Path) -> None:
    session = Session(models / "int8.tflite", engine="native", threads=1)
    twin: Any = session.clone()
    first: Any = session._engine
    assert twin._engine is not first
    assert twin._engine._model is first._model
    assert twin._engine.memory() == first.memory()
    assert twin._engine._session.handle.value != first._session.handle.value


def test_onnx_clones_share_one_session_and_no_tensor(models: Path) -> None:
    session = Session(models / "float.onnx", threads=1)
    twin: Any = session.clone()
    first: Any = session._engine
    assert twin._engine._session is first._session
    assert not np.shares_memory(twin.input_view("features"), session.input_view("features"))


@pytest.mark.parametrize("threads", [1, 2])
def test_a_forked_process_runs_or_is_told(models: Path, engine: str, threads: int) -> None:
    code = """
import os, signal, sys
from edgequant_runtime import EngineError, Session

session = Session(sys.argv[1], engine=sys.argv[2], threads=int(sys.argv[3]))
session.run([[1.0, 2, 3, 4]])
child = os.fork()
if child == 0:
    signal.alarm(30)
    try:
        print(session.run([[1.0, 2, 3, 4]])["probabilities"].shape, flush=True)
    except EngineError as error:
        print(error, flush=True)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""
    command = [sys.executable, "-c", code, str(models / f"float{SUFFIXES[engine]}"), engine, str(threads)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if engine == "native" or threads == 1:
        assert said == "(1, 3)\n"
    else:
        assert "open a session in each process after the fork" in said


def test_a_short_inference_is_at_once_unless_another_thread_has_its_turn(models: Path) -> None:
    session = Session(models / "float.tflite", engine="native", threads=1)
    engine: Any = session._engine
    wanted = session.run(np.ones((1, 4)))["probabilities"]
    session.input_view("features")[...] = 1
    session.invoke()
    assert engine.invoke_at_once is not None
    assert engine.invoke_at_once() == 0
    with session._turn.lock:  # as run() has it, in the midst of which the gate is closed
        engine._gate.value = None
        assert engine.invoke_at_once() != 0
        waiting = threading.Thread(target=session.invoke, daemon=True)
        waiting.start()
        waiting.join(0.1)
        assert waiting.is_alive()
        engine._gate.value = engine._address
    waiting.join(60)
    assert not waiting.is_alive()
    assert engine.invoke_at_once() == 0
    np.testing.assert_array_equal(session.output_view("probabilities"), wanted)


def test_every_way_to_run_opens_the_gate_again(models: Path) -> None:
    session = Session(models / "float.tflite", engine="native", threads=1)
    engine: Any = session._engine
    session.invoke()
    for run in (
        session.invoke,
        session.reset,
        lambda: session.run(np.ones((1, 4))),
        lambda: session.run_bytes(bytes(16)),
    ):
        run()
        assert engine.invoke_at_once() == 0
    with pytest.raises(SessionError):
        session.run_bytes(bytes(15))
    assert engine.invoke_at_once() == 0


def test_other_shapes_and_long_inferences_take_turns(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(models / "float.tflite", engine="native", threads=1)
    engine: Any = session._engine
    session.invoke()
    session.run(np.ones((2, 4)))
    session.invoke()
    assert engine.invoke_at_once is None
    monkeypatch.setattr(_native, "SHORT_WORK", 1)
    long = Session(models / "float.tflite", engine="native", threads=1)
    engine = long._engine
    long.invoke()
    assert engine.invoke_at_once is None


def test_invoke_in_one_thread_leaves_the_runs_of_others_alone(models: Path) -> None:
    session = Session(models / "float.tflite", engine="native", threads=1)
    session.invoke()
    x = np.linspace(-1, 1, 4)[None]
    wanted = session.run(x)["probabilities"]
    ended = threading.Event()

    def invoke() -> None:
        while not ended.is_set():
            session.invoke()

    other = threading.Thread(target=invoke, daemon=True)
    other.start()
    try:
        for _ in range(RUNS):
            np.testing.assert_array_equal(session.run(x)["probabilities"], wanted)
    finally:
        ended.set()
        other.join(60)
