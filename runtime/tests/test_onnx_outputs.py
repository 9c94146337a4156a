"""Outputs of ONNX models go by name: whatever their order, types, ranks and sizes, fixed or free."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgequant_runtime import Session
from edgequant_runtime._engines._onnxruntime import _DTYPES

helper = pytest.importorskip("onnx").helper
onnxruntime = pytest.importorskip("onnxruntime")

SIZES = st.sampled_from([0, 1, 2, 5])


@st.composite
def edges(draw: st.DrawFn) -> list[tuple[str, list[int], list[bool]]]:
    """For each output its type, its shape, and which of its sizes the model leaves free."""
    count = draw(st.integers(1, 5))
    found = []
    for _ in range(count):
        shape = draw(st.lists(SIZES, max_size=3))
        free = [size > 0 and draw(st.booleans()) for size in shape]
        found.append((draw(st.sampled_from(sorted(_DTYPES.values()))), shape, free))
    return found


def model_of(outputs: list[tuple[str, list[int], list[bool]]]) -> bytes:
    """Gives each input x0, x1, ... back as y0, y1, ...; the nodes are in another order than the outputs."""
    inputs, results, nodes = [], [], []
    for i, (dtype, shape, free) in enumerate(outputs):
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        sizes = [f"n{i}_{axis}" if is_free else size for axis, (size, is_free) in enumerate(zip(shape, free))]
        inputs.append(helper.make_tensor_value_info(f"x{i}", kind, sizes))
        results.append(helper.make_tensor_value_info(f"y{i}", kind, sizes))
        nodes.append(helper.make_node("Identity", [f"x{i}"], [f"y{i}"]))
    graph = helper.make_graph(nodes[::-1], "edges", inputs, results)
    return bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    )


def some(rng: np.random.Generator, dtype: str, shape: list[int]) -> NDArray[Any]:
    return rng.integers(0, 100, shape).astype(dtype)


@given(outputs=edges(), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_each_output_is_its_own(outputs: list[tuple[str, list[int], list[bool]]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    session = Session(model_of(outputs), threads=1)
    for grow in (0, 1, 0):  # free sizes change between runs
        shapes = [[n + grow * is_free for n, is_free in zip(shape, free)] for _, shape, free in outputs]
        given_values = {f"x{i}": some(rng, outputs[i][0], shape) for i, shape in enumerate(shapes)}
        results = session.run(given_values)
        as_bytes = session.run_bytes(*(value.tobytes() for value in given_values.values()))
        assert list(results) == [f"y{i}" for i in range(len(outputs))]
        for i, value in enumerate(given_values.values()):
            view = session.output_view(f"y{i}")
            for result in (results[f"y{i}"], view):
                assert (result.dtype, result.shape, result.tolist()) == (value.dtype, value.shape, value.tolist())
            assert as_bytes[i] == value.tobytes()


@pytest.mark.parametrize("first_type", ["float32", "int64"])
def test_a_free_output_before_a_fixed_one(first_type: str) -> None:
    make = helper.make_tensor_value_info
    kinds = {name: helper.np_dtype_to_tensor_dtype(np.dtype(name)) for name in ("float32", first_type)}
    nodes = [
        helper.make_node("Cast", ["x"], ["free"], to=kinds[first_type]),
        helper.make_node("ReduceSum", ["x"], ["fixed"], keepdims=1),
    ]
    inputs = [make("x", kinds["float32"], ["n", 4])]
    outputs = [make("free", kinds[first_type], ["n", 4]), make("fixed", kinds["float32"], [1, 1])]
    graph = helper.make_graph(nodes, "order", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()
    x = np.arange(8, dtype=np.float32).reshape(2, 4)
    results = Session(model).run(x)
    assert (results["free"].dtype, results["free"].tolist()) == (first_type, x.tolist())
    assert results["fixed"].tolist() == [[28]]


@pytest.mark.parametrize("size", [4, "n"])
def test_an_output_that_is_an_input_has_its_values(size: int | str) -> None:
    given_too, made = (helper.make_tensor_value_info(name, 1, [1, size]) for name in ("x", "y"))
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "both", [given_too], [made, given_too])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = Session(model.SerializeToString(), threads=1)
    for seed in (0, 1):
        x = np.random.default_rng(seed).normal(size=(1, 4)).astype(np.float32)
        np.testing.assert_array_equal(session.run({"x": x})["x"], x)
