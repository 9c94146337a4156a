"""The binding of the C library: what it shares with the header, lent memory, and the choice of engine."""

from __future__ import annotations

import ctypes
import logging
import platform
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgequant_runtime import EngineError, ModelError, Session, SessionError, engine_version, model_engines
from edgequant_runtime._engines import _library, _native, _structures
from edgequant_runtime._engines._native import NativeEngine, NativeModel
from edgequant_runtime._model_file import read_model_file
from edgequant_runtime._task import _library as _task_library

from .single_op import Model, Quantized

RUN_GRAPHS = [
    f"STABLEHLO_{name}" for name in ("REDUCE", "SCATTER", "REDUCE_WINDOW", "SORT", "WHILE", "COMPOSITE", "CASE")
]

HEADER = Path(__file__).parents[2] / "csrc" / "include" / "edgequant.h"
TASK_HEADER = HEADER.with_name("edgequant_task.h")
STRUCTURES = {
    "eq_error": _library.Error,
    "eq_tensor_info": _library.TensorDescription,
    "eq_model_options": _library.ModelOptions,
    "eq_shape": _structures.Shape,
    "eq_model_work": _library.Work,
    "eq_session_options": _library.SessionOptions,
    "eq_profile_step": _structures.Step,
    "eq_memory": _structures.Memory,
    "eq_frame": _task_library.Frame,
    "eq_sound": _task_library.Sound,
    "eq_task_info": _task_library.Info,
    "eq_answer_item": _task_library.Item,
    "eq_answer": _task_library.AnswerStructure,
}


def test_the_structures_are_those_of_the_header(tmp_path):
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("needs a C compiler")
    lines = [
        f'printf("%zu %zu\\n", offsetof({name}, {field}), sizeof(({name} *)0)->{field});'
        for name, structure in STRUCTURES.items()
        for field, _ in structure._fields_
    ]
    sizes = [f'printf("%zu\\n", sizeof({name}));' for name in STRUCTURES]
    source = tmp_path / "layout.c"
    body = "\n".join(lines + sizes)
    source.write_text(f'#include <stdio.h>\n#include "{TASK_HEADER}"\nint main(void) {{\n{body}\n}}\n')
    subprocess.run([compiler, "-o", tmp_path / "layout", source], check=True)
    printed = subprocess.run([tmp_path / "layout"], capture_output=True, text=True, check=True).stdout.split("\n")[:-1]
    here = [
        f"{getattr(structure, field).offset} {getattr(structure, field).size}"
        for structure in STRUCTURES.values()
        for field, _ in structure._fields_
    ]
    assert printed == here + [str(ctypes.sizeof(structure)) for structure in STRUCTURES.values()]


def test_the_statuses_are_those_of_the_header():
    numbers = dict(re.findall(r"EQ_ERROR_(\w+) = (\d+)", HEADER.read_text()))
    assert {name: getattr(_library, name) for name in numbers} == {name: int(n) for name, n in numbers.items()}


def test_the_types_are_those_of_the_header():
    enum = HEADER.read_text().partition("typedef enum eq_type")[2].partition("} eq_type;")[0]
    numbers = {name.lower(): int(number) for name, number in re.findall(r"EQ_(\w+) = (\d+)", enum)}
    assert numbers.pop("int4") not in _native._DTYPES
    assert numbers.pop("bfloat16") not in _native._DTYPES
    assert {number: name for name, number in numbers.items()} == _native._DTYPES


def test_views_outlive_session_and_model(models):
    session = Session((models / "int8.tflite").read_bytes(), engine="native")
    view, output = session.input_view("features"), session.output_view("probabilities")
    assert view.ctypes.data % 16 == 0
    view[...] = 5
    session.invoke()
    expected = output.copy()
    session.run(np.zeros((3, 4)))  # another shape is another C session
    assert session.input_view("features").shape == (3, 4)
    del session
    view[...] = 7
    np.testing.assert_array_equal(output, expected)


def test_a_refused_shape_leaves_the_session_usable(models):
    session = Session(models / "int8.tflite", engine="native")
    expected = session.run(np.ones((1, 4)))["probabilities"]
    with pytest.raises(SessionError, match="cannot run inputs of the shape"):
        session.run(np.ones((500_000_000, 4), np.int8), raw=True)
    np.testing.assert_array_equal(session.run(np.ones((1, 4)))["probabilities"], expected)


def test_sessions_on_several_threads(models):
    x = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
    expected = Session(models / "int8.tflite", engine="native").run(x)["probabilities"]
    wrong = []

    def work():
        session = Session(models / "int8.tflite", engine="native", threads=2)
        wrong.extend(1 for _ in range(50) if not np.array_equal(session.run(x)["probabilities"], expected))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


FORK = """
import os, signal, sys
import numpy as np
from edgequant_runtime import Session

session = Session(sys.argv[1], engine="native", threads=2)
image = np.ones((1, 32, 32, 32), np.int8)
expected = session.run(image, raw=True)
child = os.fork()
if child == 0:
    signal.alarm(30)  # it must not wait for threads that it does not have
    assert session.run(image, raw=True)["sums"].tolist() == expected["sums"].tolist()
    del session
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""


def test_a_fork_runs_and_closes_a_session(tmp_path):
    model = Model()
    x = model.input((1, 32, 32, 32), "INT8", Quantized(0.1))
    y = model.tensor((1, 32, 32, 32), "INT8", Quantized(1.0), name="sums")
    w = model.constant(np.ones((32, 3, 3, 32)), "INT8", Quantized(0.1))
    model.operator("CONV_2D", [x, w, -1], [y], "Conv2DOptions", strideW=1, strideH=1)
    (tmp_path / "model.tflite").write_bytes(model.finish([y]))
    subprocess.run([sys.executable, "-c", FORK, tmp_path / "model.tflite"], check=True, timeout=120)


def test_kernels_by_name(models):
    file = read_model_file(models / "int8.tflite")
    assert NativeEngine(NativeModel(file, kernels="scalar"), threads=1).inputs[0].name == "features"
    with pytest.raises(EngineError, match="no kernels 'mmx'"):
        NativeModel(file, kernels="mmx")


def test_damaged_models(models):
    whole = (models / "int8.tflite").read_bytes()
    for length in range(8, len(whole), 16):
        with pytest.raises(ModelError, match=r"^The engine 'native' cannot open the model given as"):
            Session(whole[:length], engine="native")


def test_version():
    assert engine_version("native") == "edgequant-runtime 0.1.0"


def test_profile(models):
    session = Session(models / "int8.tflite", profile=True)
    session.run(np.zeros((1, 4)))
    session.run(np.zeros((1, 4)))
    steps = session.profile()
    assert [step.runs for step in steps] == [2] * len(steps)
    assert "FULLY_CONNECTED" in steps[0].operators
    assert steps[0].macs == 12
    assert steps[0].microseconds > 0
    with pytest.raises(SessionError, match="open it with profile=True"):
        Session(models / "int8.tflite").profile()
    with pytest.raises(EngineError, match="'litert' measures no profile"):
        Session(models / "int8.tflite", engine="litert", profile=True)


# ---- the choice of engine ----


def test_auto_takes_the_native_engine_for_int8(models):
    for name in ("int8.tflite", "int8_float_io.tflite", "uint8.tflite"):
        session = Session(models / name)
        assert (session.engine, session.fallback_reason) == ("native", None)


def test_auto_says_why_it_took_another_engine(models, litert, caplog):
    caplog.set_level(logging.INFO, "edgequant_runtime")
    session = Session(models / "data_dependent.tflite")
    assert session.engine == "litert"
    assert re.match("The engine 'native' cannot open data_dependent.tflite: .*WHERE", session.fallback_reason)
    assert caplog.messages == [session.fallback_reason]
    assert Session(models / "data_dependent.tflite", engine="litert").fallback_reason is None


@pytest.mark.skipif(platform.machine() == "aarch64", reason="the native engine's float kernels are level there")
def test_auto_takes_litert_where_floats_are_slow(models, litert):
    plain = Session(models / "float.tflite")
    assert plain.engine == "litert"
    assert re.match(
        r"100 % of the work of float.tflite is in operators .*: the engine 'litert' is faster", plain.fallback_reason
    )


def test_auto_without_litert(models, monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    monkeypatch.setitem(sys.modules, "tflite_runtime", None)
    plain = Session(models / "float.tflite")
    assert plain.engine == "native"
    assert re.match(r"100 % .* is slow; the engine 'litert' is ", plain.fallback_reason)
    with pytest.raises(EngineError, match=r"^The engine 'native' cannot open .*WHERE.*; and the engine 'litert' is "):
        Session(models / "data_dependent.tflite")


def mixed(float_size: int) -> bytes:
    """An int8 layer of 512 x 512, and a float one of `float_size` behind it."""
    model = Model()
    x = model.input((1, 512), "INT8", Quantized(0.1))
    y = model.tensor((1, 512), "INT8", Quantized(0.1))
    w = model.constant(np.ones((512, 512)), "INT8", Quantized(0.1))
    model.operator("FULLY_CONNECTED", [x, w, -1], [y], "FullyConnectedOptions")
    real, z = model.tensor((1, 512), "FLOAT32"), model.tensor((1, float_size), "FLOAT32")
    model.operator("DEQUANTIZE", [y], [real])
    w = model.constant(np.ones((float_size, 512)), "FLOAT32")
    model.operator("FULLY_CONNECTED", [real, w, -1], [z], "FullyConnectedOptions")
    return model.finish([z])


def test_auto_goes_by_the_work(litert):
    """One float output in 512 is less than 0.3 % of the work, four are more, whatever the number of operators."""
    assert Session(mixed(1)).engine == "native"
    assert model_engines(mixed(1)) == ("native", "litert")
    session = Session(mixed(4))
    assert session.engine == "litert"
    assert "1 % of the work of the model given as" in session.fallback_reason
    assert model_engines(mixed(4)) == ("litert", "native")


def test_an_input_of_a_type_that_numpy_lacks_is_refused():
    model = Model()
    x, y = model.input((4,), "BFLOAT16"), model.tensor((4,), "FLOAT32")
    model.operator("CAST", [x], [y], "CastOptions", inDataType=18, outDataType=0)
    with pytest.raises(ModelError, match="types that numpy has"):
        Session(model.finish([y]), engine="native").run(np.zeros(4, np.float32))


def test_what_neither_engine_opens_is_said_of_both(litert):
    model = Model()
    x, y = model.input((4,), "FLOAT32"), model.tensor((4,), "FLOAT32")
    for _ in range(3):
        model.operator("CUSTOM", [x], [model.tensor((4,), "FLOAT32")])
    model.operator("UNIQUE", [x], [y])
    with pytest.raises(ModelError) as caught:
        Session(model.finish([y]))
    text = str(caught.value)
    assert text.startswith("The engine 'native' cannot open the model given as")
    assert "CUSTOM  (3 of them, the first is operator 0): not an operator of this engine; UNIQUE (operator 3)" in text
    assert "; and LiteRT cannot open the model given as" in text


def test_a_long_list_of_reasons_ends_between_them():
    model = Model()
    x = model.input((4,), "FLOAT32")
    for name in (n for n in vars(schema.BuiltinOperator) if n.startswith("STABLEHLO") and n not in RUN_GRAPHS):
        model.operator(name, [x], [model.tensor((4,), "FLOAT32")])
    with pytest.raises(ModelError, match=r"not an operator of this engine; and \d+ more kinds\.$"):
        Session(model.finish([x]), engine="native")


def test_auto_gives_litert_what_is_odd_but_whole(litert):
    """Tensors without elements, and a vector of scales for a dimension that the vector does not have."""
    model = Model()
    x, nothing = model.input((2, 3), "INT8", Quantized(0.1)), model.constant(np.zeros((0, 3)), "INT8", Quantized(0.1))
    y = model.tensor((2, 3), "INT8", Quantized(0.1))
    model.operator("CONCATENATION", [x, nothing], [y], "ConcatenationOptions", axis=0)
    assert Session(model.finish([y])).run(np.ones((2, 3)))[f"tensor{y}"].shape == (2, 3)


def test_a_scalar_is_reshaped_by_an_empty_shape():
    model = Model()
    x, shape = model.input((1, 1), "INT32"), model.constant(np.zeros(0), "INT32")
    y = model.tensor((), "INT32")
    model.operator("RESHAPE", [x, shape], [y], "ReshapeOptions")
    (value,) = Session(model.finish([y]), engine="native").run(np.array([[7]], np.int32), raw=True).values()
    assert (value.shape, int(value)) == ((), 7)


def test_auto_refuses_a_damaged_model(models):
    with pytest.raises(ModelError, match="The engine 'native' cannot open"):
        Session((models / "int8.tflite").read_bytes()[:-600])


def test_a_missing_library_is_named(models, monkeypatch, litert):
    _library.library.cache_clear()
    monkeypatch.setenv(_library.LIBRARY_VARIABLE, "/nowhere/libedgequant.so")
    try:
        with pytest.raises(EngineError, match="library of the engine 'native' cannot be loaded"):
            Session(models / "int8.tflite", engine="native")
        assert Session(models / "int8.tflite").engine == "litert"
    finally:
        _library.library.cache_clear()
