"""Inputs and outputs of every type, of rank 0 and with nothing in them, in every engine and by every way in and out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgequant_runtime import Session

SHAPES = [(), (0,), (2, 0, 3), (1,), (2, 3)]
TYPES = ["bool", "int8", "uint8", "int16", "int32", "int64", "float16", "float32", "float64"]
# What an engine does not have at all: it refuses such a model when it is opened.
MISSING = {"native": {"float16", "float64"}, "litert": set(), "onnxruntime": set()}


def values(shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    return (np.arange(1, 1 + int(np.prod(shape))) % 5).reshape(shape).astype(dtype)


def same_as_given(engine: str, shape: tuple[int, ...], dtype: str) -> bytes:
    """A model that gives its input back, through one operator."""
    if engine == "onnxruntime":
        helper = pytest.importorskip("onnx").helper
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        x, y = (helper.make_tensor_value_info(name, kind, shape) for name in "xy")
        graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "same", [x], [y])
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        return bytes(made.SerializeToString())
    pytest.importorskip("ai_edge_litert")
    from .native.single_op import Model

    model = Model()
    x = model.input(shape, dtype.upper(), name="x")
    y = model.tensor(shape, dtype.upper(), name="y")
    # The option (0,) means a scalar.
    sizes = np.array(shape, np.int32)
    inputs = [x, model.constant(sizes, "INT32")] if 0 in shape else [x]
    model.operator("RESHAPE", inputs, [y], "ReshapeOptions", newShape=sizes)
    return model.finish([y])


@pytest.fixture(params=[f"{dtype}-{shape}" for dtype in TYPES for shape in SHAPES])
def case(request: pytest.FixtureRequest, engine: str) -> tuple[Session, NDArray[Any]]:
    dtype, _, text = request.param.partition("-")
    shape = tuple(int(size) for size in text.strip("()").split(",") if size)
    if dtype in MISSING[engine]:
        pytest.skip(f"{engine} has no {dtype}")
    return Session(same_as_given(engine, shape, dtype), engine=engine, threads=1), values(shape, dtype)


def assert_same(given: Any, wanted: NDArray[Any]) -> None:
    assert isinstance(given, np.ndarray)
    assert (given.dtype, given.shape, given.tolist()) == (wanted.dtype, wanted.shape, wanted.tolist())


def test_run_gives_the_tensor_back(case: tuple[Session, NDArray[Any]]) -> None:
    session, wanted = case
    for raw in (False, True):
        assert_same(session.run({"x": wanted}, raw=raw)["y"], wanted)


def test_bytes_give_the_tensor_back(case: tuple[Session, NDArray[Any]]) -> None:
    session, wanted = case
    assert session.run_bytes(wanted.tobytes()) == (wanted.tobytes(),)


def test_views_give_the_tensor_back(case: tuple[Session, NDArray[Any]]) -> None:
    session, wanted = case
    view = session.input_view("x")
    view[...] = wanted
    session.invoke()
    assert_same(session.output_view("y"), wanted)
    held = session.output_view("y")
    view[...] = np.zeros_like(wanted)
    session.invoke()
    assert_same(held, np.zeros_like(wanted))


def test_a_quantized_scalar_is_an_array(litert: str) -> None:
    from .native.single_op import Model, Quantized

    model = Model()
    x = model.input((), "INT8", Quantized(0.5, 3), name="x")
    y = model.tensor((), "INT8", Quantized(0.5, 3), name="y")
    model.operator("RELU", [x], [y])
    given = Session(model.finish([y]), engine="litert", threads=1).run({"x": np.float32(2.5)})["y"]
    assert_same(given, np.array(2.5, np.float32))


@pytest.mark.parametrize("engine", ["native", "litert"])
def test_tensors_of_one_name_are_told_apart(engine: str, request: pytest.FixtureRequest) -> None:
    from .native.single_op import Model

    if engine == "litert":
        request.getfixturevalue("litert")
    model = Model()
    x, y = (model.input((1, 2), "FLOAT32", name="same") for _ in range(2))
    outputs = [model.tensor((1, 2), "FLOAT32", name="same") for _ in range(2)]
    model.operator("NEG", [x], outputs[:1], "NegOptions")
    model.operator("EXP", [y], outputs[1:], "ExpOptions")
    session = Session(model.finish(outputs), engine=engine, threads=1)
    assert [info.name for info in session.inputs] == [info.name for info in session.outputs] == ["same", "same_1"]
    given = session.run({"same": np.float32([[1, 2]]), "same_1": np.float32([[0, 0]])})
    assert_same(given["same"], np.float32([[-1, -2]]))
    assert_same(given["same_1"], np.float32([[1, 1]]))
    assert_same(session.output_view("same_1"), np.float32([[1, 1]]))
