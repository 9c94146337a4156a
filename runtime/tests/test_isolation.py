"""Engines in a process of their own: the same results, and a sentence for every way in which the process can end."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import edgequant_runtime
from edgequant_runtime import EngineError, InputError, ModelError, Session, SessionError
from edgequant_runtime.isolation import EngineProcess, WorkerDeath, WorkerProcess, current_process, engine_process
from edgequant_runtime.isolation import _process as process_module

MODELS = Path(__file__).parent / "models"


@pytest.fixture(scope="module")
def engines():
    with EngineProcess() as process:
        yield process


def is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists() and "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def wait_until(condition) -> None:
    while not condition():  # the suite's own limit ends a test that waits in vain
        time.sleep(0.01)


def inputs_of(session):
    generator = np.random.default_rng(0)
    shapes = {info.name: [max(size, 1) for size in info.shape] for info in session.inputs}
    return {name: generator.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


@pytest.mark.parametrize("name", ["float.tflite", "int8.tflite", "float.onnx"])
def test_a_session_there_is_one_here(name, engines):
    here, there = Session(MODELS / name, threads=1), engines.open(MODELS / name, threads=1)
    for attribute in ("inputs", "outputs", "engine", "fallback_reason", "threads", "signature", "signatures"):
        assert getattr(there, attribute) == getattr(here, attribute)
    inputs = inputs_of(here)
    for raw in (False, True):
        given = inputs if not raw else {i.name: np.zeros([max(n, 1) for n in i.shape], i.dtype) for i in here.inputs}
        expected, computed = here.run(given, raw=raw), there.run(given, raw=raw, anew=True)
        assert list(expected) == list(computed)
        for output in expected:
            assert expected[output].dtype == computed[output].dtype
            np.testing.assert_array_equal(expected[output], computed[output])


def test_a_model_may_be_bytes_and_a_folder_may_change(engines, tmp_path, monkeypatch):
    monkeypatch.chdir(MODELS)
    assert engines.open("float.tflite").engine == "litert"
    monkeypatch.chdir(tmp_path)
    there = engines.open((MODELS / "float.tflite").read_bytes())
    expected = Session(MODELS / "float.tflite").run(inputs_of(there))
    assert all(np.array_equal(expected[name], value) for name, value in there.run(inputs_of(there)).items())


def test_errors_are_those_of_a_session(engines):
    with pytest.raises(ModelError, match="There is no file"):
        engines.open("/no/such.tflite")
    with pytest.raises(ModelError, match=r"cannot open unknown_op\.onnx"):
        engines.open(MODELS / "unknown_op.onnx")
    with pytest.raises(EngineError, match="There is no engine 'none'"):
        engines.open(MODELS / "float.tflite", engine="none")
    there = engines.open(MODELS / "float.tflite")
    with pytest.raises(InputError, match="has the shape"):
        there.run(np.zeros((1, 99), np.float32))
    with pytest.raises(InputError, match="There is no input 'other'"):
        there.run({"other": 1.0})


def test_steps_are_measured_there(engines):
    there = engines.open(MODELS / "int8.tflite", profile=True, threads=1)
    there.run(inputs_of(there))
    here = Session(MODELS / "int8.tflite", profile=True, threads=1)
    assert [step.operators for step in there.profile()] == [step.operators for step in here.profile()]
    assert there.profile()[0].runs == 1


def test_an_inference_is_timed_there(engines):
    there = engines.open(MODELS / "float.tflite", engine="native", threads=1)
    assert 0 < there.time(inputs_of(there)) < 60e9
    with pytest.raises(InputError):
        there.time({})


def test_what_engines_run_a_model_is_told(engines):
    for name in ("int8.tflite", "float.tflite", "float.onnx"):
        expected = edgequant_runtime.model_engines(MODELS / name), edgequant_runtime.native_slowness(MODELS / name)
        assert engines.model_engines(MODELS / name) == expected


def test_inner_tensors_come_in_parts_and_in_order(engines, monkeypatch):
    there = engines.open_inner(MODELS / "float.tflite", threads=1)
    inputs = inputs_of(there)
    values = [inputs[info.name] for info in there.inputs]
    outputs = Session(MODELS / "float.tflite", engine="litert").run(inputs)
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(MODELS / "float.tflite"))
    given, shown = (
        details[0]["index"] for details in (interpreter.get_input_details(), interpreter.get_output_details())
    )
    read = list(there.run(values, [shown, given, shown]))
    np.testing.assert_array_equal(read[0], next(iter(outputs.values())))
    np.testing.assert_array_equal(read[1], values[0])
    np.testing.assert_array_equal(read[2], read[0])


def test_a_large_tensor_is_a_part_of_its_own(engines, tmp_path):
    """Three inputs of 10 MB each: more than one message holds."""
    onnx = pytest.importorskip("onnx")
    shape = (1, 2_500_000)
    infos = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name in "xy"]
    nodes = [onnx.helper.make_node("Neg", ["x"], ["a"]), onnx.helper.make_node("Abs", ["a"], ["y"])]
    extra = onnx.helper.make_tensor_value_info("a", onnx.TensorProto.FLOAT, shape)
    graph = onnx.helper.make_graph(nodes, "g", infos[:1], [infos[1], extra])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    y, a, again = engines.open_inner(model.SerializeToString(), name="the model").run([x], [0, 1, 0])
    np.testing.assert_array_equal(a, -x)
    np.testing.assert_array_equal(y, np.abs(x))
    np.testing.assert_array_equal(again, y)


def test_models_that_nobody_refers_to_are_closed_there():
    with EngineProcess() as process:
        keep = process.open(MODELS / "float.tflite")
        for _ in range(3):
            process.open(MODELS / "float.tflite")
        gc.collect()
        assert process._worker.left == [4]  # the others were told as the next was opened
        keep.run(inputs_of(keep))
        assert process._worker.left == []


DEATHS = {
    "os.abort()": "LiteRT died of SIGABRT while running float.tflite",
    "os.kill(os.getpid(), 11)": "LiteRT died of SIGSEGV while running float.tflite",
    "os.kill(os.getpid(), 9)": "LiteRT was killed, most likely because the memory ran out, while running float.tflite",
    "os._exit(3)": "LiteRT ended its process with exit code 3 while running float.tflite",
    "os.write(2, b'Check failed: x\\n'); os.abort()": "SIGABRT (its last words: Check failed: x) while running",
    "os.write(1, b'noise'); os.abort()": "SIGABRT (its last words: noise) while running",
    "os.closerange(3, 20); os.close(0); time.sleep(999)": "LiteRT stopped answering while running float.tflite",
}


@pytest.mark.parametrize("death", DEATHS)
def test_a_dead_engine_is_a_sentence_and_the_next_model_opens(death, dying_engines, monkeypatch):
    dying_engines("litert", "invoke", death)
    monkeypatch.setattr(process_module, "DYING_SECONDS", 0.5)
    with EngineProcess() as process:
        session, other = process.open(MODELS / "float.tflite", engine="litert"), process.open(MODELS / "int8.tflite")
        for _ in range(2):
            with pytest.raises(EngineError) as caught:
                session.run(inputs_of(session))
            assert DEATHS[death] in str(caught.value)
            assert "take another engine" in str(caught.value)
        with pytest.raises(EngineError, match=r"^The native engine .* while running int8\.tflite"):
            other.run(inputs_of(other))
        again = process.open(MODELS / "int8.tflite")
        assert again.run(inputs_of(again))


def test_a_death_while_opening_names_the_engine_that_auto_had_reached(dying_engines):
    dying_engines("litert", "__init__", "os.abort()")
    with EngineProcess() as process:
        with pytest.raises(EngineError, match=r"^LiteRT died of SIGABRT while opening float\.tflite"):
            process.open(MODELS / "float.tflite")
        assert process.open(MODELS / "int8.tflite").engine == "native"
    dying_engines("native", "__init__", "os.abort()")
    with EngineProcess() as process, pytest.raises(EngineError, match="The native engine died of SIGABRT while open"):
        process.open(MODELS / "int8.tflite")
    dying_engines("onnxruntime", "invoke", "os.abort()")
    with EngineProcess() as process:
        session = process.open(MODELS / "float.onnx")
        with pytest.raises(EngineError, match=r"^ONNX Runtime died of SIGABRT while running float\.onnx"):
            session.run(inputs_of(session))


def test_an_engine_that_hangs_is_stopped(dying_engines, monkeypatch):
    dying_engines("litert", "invoke", "time.sleep(999)")
    with EngineProcess() as process:
        session, pid = process.open(MODELS / "float.tflite"), process._worker.pid
        monkeypatch.setattr(process_module, "LIMIT_SECONDS", 0.5)
        with pytest.raises(EngineError, match="LiteRT did not answer for 0 seconds and was stopped while"):
            session.run(inputs_of(session))
        assert not is_running(pid)


def test_a_worker_that_reads_nothing_is_stopped(tmp_path, monkeypatch):
    (tmp_path / "deaf.py").write_text("import time\ntime.sleep(999)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    worker = WorkerProcess("deaf")
    with pytest.raises(WorkerDeath, match="did not answer for 0 seconds"):
        worker.ask({}, [np.zeros(2**22, np.float32)], seconds=0.3)
    assert not is_running(worker.pid)


@pytest.mark.parametrize(
    "answer", ["b'nonsense\\n'", "b'[]\\n'", "b'{}\\n'", 'b\'{"arrays": [["<f4", [-1]]]}\\n\'', "b'{\"arrays\": 3}\\n'"]
)
def test_an_answer_without_sense_is_a_sentence(answer, tmp_path, monkeypatch):
    (tmp_path / "mad.py").write_text(f"import os, time\nos.write(1, {answer})\ntime.sleep(999)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    worker = WorkerProcess("mad")
    with pytest.raises(WorkerDeath, match="gave an answer that makes no sense"):
        worker.ask({})
    assert not is_running(worker.pid)


def test_a_file_in_the_current_folder_is_no_module_of_the_worker(tmp_path, monkeypatch):
    (tmp_path / "numpy.py").write_text("raise SystemExit(7)")
    monkeypatch.chdir(tmp_path)
    with EngineProcess() as process:
        assert process.open(MODELS / "int8.tflite").engine == "native"


def test_a_shared_process_is_shared_within_its_block():
    with engine_process() as outer:
        assert current_process() is outer
        with engine_process() as inner:
            assert inner is outer
        assert current_process() is outer
        pid = outer._worker.pid
    assert not is_running(pid)
    assert current_process() is not outer


def test_a_process_ends_with_what_refers_to_it():
    session = current_process().open(MODELS / "int8.tflite")
    pid = session._worker.pid
    assert session.run(inputs_of(session))
    del session
    gc.collect()
    assert not is_running(pid)


def test_an_interrupted_request_ends_the_worker(dying_engines, monkeypatch):
    dying_engines("litert", "invoke", "time.sleep(999)")
    with EngineProcess() as process:
        session, pid = process.open(MODELS / "float.tflite"), process._worker.pid
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(KeyboardInterrupt):
            session.run(inputs_of(session))
        assert not is_running(pid)
        with pytest.raises(SessionError, match="was interrupted"):
            session.run(inputs_of(session))


PARENT = f"""
import numpy as np
from edgequant_runtime.isolation import EngineProcess
process = EngineProcess()
session = process.open({str(MODELS / "float.tflite")!r})
print(process._worker.pid, flush=True)
session.run(np.zeros((1, 4), np.float32))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_worker_does_not_outlive_its_parent_even_if_its_engine_hangs(number, dying_engines, tmp_path):
    """The engine hangs with Python's lock held, so that nothing of the worker's own can end it."""
    started = tmp_path / "hangs"
    hang = "import ctypes; ctypes.PyDLL(None).pause()"
    dying_engines("litert", "invoke", f"open({str(started)!r}, 'w').close(); {hang}")
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    pid = int(parent.stdout.readline())
    wait_until(started.exists)
    assert is_running(pid)
    parent.send_signal(number)
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: not is_running(pid))


# In a Python of its own: libraries that other tests imported warn of a fork beside their threads.
FORKING = """
import os, sys
import numpy as np
from edgequant_runtime.isolation import EngineProcess
with EngineProcess() as process:
    session = process.open(sys.argv[1])
    child = os.fork()
    if child == 0:
        process.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    inputs = {info.name: np.zeros([max(size, 1) for size in info.shape], np.float32) for info in session.inputs}
    print(*session.run(inputs))
"""


def test_a_fork_of_the_parent_leaves_the_worker_alone():
    done = subprocess.run([sys.executable, "-c", FORKING, MODELS / "int8.tflite"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [info.name for info in Session(MODELS / "int8.tflite").outputs]
