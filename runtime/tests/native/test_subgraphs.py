"""Graphs that operators run: IF, WHILE and STABLEHLO_COMPOSITE against LiteRT, and what is wrong with them told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from flatbuffers import flexbuffers
from hypothesis import given
from hypothesis import strategies as st

from edgequant_runtime._engines._native import NativeModel
from edgequant_runtime._model_file import read_model_file

from .conftest import examples
from .oracle import NativeError, check, check_close, run_native
from .single_op import SAME, Model, Quantized

pytestmark = pytest.mark.slow

SEEDS = st.integers(0, 2**32 - 1)
SHAPES = st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple)
KINDS = st.sampled_from(["FLOAT32", "INT8", "UINT8", "INT32"])

Shape = tuple[int, ...]


def quantized(kind: str) -> Quantized | None:
    return {"INT8": Quantized(0.05, 3), "UINT8": Quantized(0.05, 131)}.get(kind)


def branch(model: Model, shape: Shape, kind: str, name: str) -> None:
    """A graph of one operator of two inputs."""
    a, b = (model.input(shape, kind, quantized(kind)) for _ in range(2))
    y = model.tensor(shape, kind, quantized(kind))
    options = {"MAXIMUM": "MaximumMinimumOptions"}.get(name, f"{name.title()}Options")
    model.operator(name, [a, b], [y], options, version=1 if kind in ("FLOAT32", "INT32") else 2)
    model.outputs([y])


@given(shape=SHAPES, kind=KINDS, names=st.permutations(["ADD", "SUB", "MAXIMUM"]), chosen=st.booleans(), seed=SEEDS)
@examples()
def test_if(shape: Shape, kind: str, names: list[str], chosen: bool, seed: int) -> None:
    model = Model()
    condition = model.input((1,), "BOOL")
    inputs = [model.input(shape, kind, quantized(kind)) for _ in range(2)]
    y = model.tensor(shape, kind, quantized(kind))
    for name in names[:2]:
        branch(model.subgraph(), shape, kind, name)
    model.operator("IF", [condition, *inputs], [y], "IfOptions", thenSubgraphIndex=1, elseSubgraphIndex=2)
    rng = np.random.default_rng(seed)
    values = [rng.integers(0, 100, shape).astype(kind.lower()) for _ in inputs]
    check(model.finish([y]), [np.array([chosen]), *values])


def test_what_runs_other_graphs_is_not_short() -> None:
    """Their work is counted once, and WHILE may run one any number of times."""
    short = []
    for runs_others in (False, True):
        model = Model()
        inputs = [model.input((1,), "BOOL"), *(model.input((2,), "INT32") for _ in range(2))]
        y = model.tensor((2,), "INT32")
        if runs_others:
            for name in ("ADD", "SUB"):
                branch(model.subgraph(), (2,), "INT32", name)
            model.operator("IF", inputs, [y], "IfOptions", thenSubgraphIndex=1, elseSubgraphIndex=2)
        else:
            model.operator("ADD", inputs[1:], [y], "AddOptions")
        short.append(NativeModel(read_model_file(model.finish([y]))).is_short)
    assert short == [True, False]


def test_if_of_a_condition_that_is_known() -> None:
    for chosen, expected in ((True, [11, 22]), (False, [-9, -18])):
        model = Model()
        inputs = [model.input((2,), "INT32") for _ in range(2)]
        y = model.tensor((2,), "INT32")
        for name in ("ADD", "SUB"):
            branch(model.subgraph(), (2,), "INT32", name)
        condition = model.constant([chosen], "BOOL")
        model.operator("IF", [condition, *inputs], [y], "IfOptions", thenSubgraphIndex=1, elseSubgraphIndex=2)
        values = [np.array([1, 2], np.int32), np.array([10, 20], np.int32)]
        assert run_native(model.finish([y]), values)[0].tolist() == expected


def loop(
    model: Model, state: list[int], body: Callable[[Model, list[int]], list[int]], shape: Shape, kind: str
) -> bytes:
    """While the first value is less than the second: the body. These two are int32, the others of `kind`."""
    condition, round_ = model.subgraph(), model.subgraph()

    def values(graph: Model) -> list[int]:
        return [
            graph.input((1,), "INT32") if i < 2 else graph.input(shape, kind, quantized(kind))
            for i in range(len(state))
        ]

    inputs = values(condition)
    less = condition.tensor((1,), "BOOL")
    condition.operator("LESS", inputs[:2], [less], "LessOptions")
    condition.outputs([less])
    inputs = values(round_)
    count = round_.tensor((1,), "INT32")
    round_.operator("ADD", [inputs[0], round_.constant([1], "INT32")], [count], "AddOptions")
    round_.outputs([count, inputs[1], *body(round_, inputs[2:])])
    outputs = [
        model.tensor((1,), "INT32") if i < 2 else model.tensor(shape, kind, quantized(kind)) for i in range(len(state))
    ]
    model.operator("WHILE", state, outputs, "WhileOptions", condSubgraphIndex=1, bodySubgraphIndex=2)
    return model.finish(outputs)


def convolve(graph: Model, inputs: list[int]) -> list[int]:
    weights = np.random.default_rng(5).integers(-9, 9, (3, 3, 3, 3))
    w = graph.constant(weights, "INT8", Quantized(0.01))
    y = graph.tensor((1, 6, 6, 3), "INT8", quantized("INT8"))
    bias = graph.constant(np.arange(3), "INT32", Quantized(0.0005))
    graph.operator("CONV_2D", [inputs[0], w, bias], [y], "Conv2DOptions", version=3, padding=SAME, strideW=1, strideH=1)
    larger = graph.tensor((1, 6, 6, 3), "INT8", quantized("INT8"))
    graph.operator("MAXIMUM", inputs, [larger], "MaximumMinimumOptions", version=2)
    return [y, larger]


@given(rounds=st.integers(0, 5), seed=SEEDS)
@examples()
def test_while_of_a_convolution(rounds: int, seed: int) -> None:
    model = Model()
    shape = (1, 6, 6, 3)
    state = [model.input((1,), "INT32") for _ in range(2)] + [
        model.input(shape, "INT8", quantized("INT8")) for _ in range(2)
    ]
    rng = np.random.default_rng(seed)
    values = [rng.integers(-128, 128, shape).astype(np.int8) for _ in range(2)]
    check(loop(model, state, convolve, shape, "INT8"), [np.zeros(1, np.int32), np.array([rounds], np.int32), *values])


@given(rounds=st.integers(0, 6), size=st.integers(1, 24), batch=st.integers(1, 3), seed=SEEDS)
@examples()
def test_while_of_a_layer_in_dynamic_range(rounds: int, size: int, batch: int, seed: int) -> None:
    """A recurrent layer as TensorFlow writes it, with weights of int8."""
    rng = np.random.default_rng(seed)
    weights, scale = rng.integers(-127, 128, (size, size)), float(np.float32(0.01 / np.sqrt(size)))

    def body(graph: Model, inputs: list[int]) -> list[int]:
        product, state, sum_ = (graph.tensor((batch, size), "FLOAT32") for _ in range(3))
        w = graph.constant(weights, "INT8", Quantized(scale))
        graph.operator("FULLY_CONNECTED", [inputs[0], w], [product], "FullyConnectedOptions", version=9,
                       asymmetricQuantizeInputs=True)  # fmt: skip
        graph.operator("ADD", [product, inputs[1]], [sum_], "AddOptions")
        graph.operator("TANH", [sum_], [state])
        return [state, inputs[1]]

    model = Model()
    shape = (batch, size)
    state = [model.input((1,), "INT32") for _ in range(2)] + [model.input(shape, "FLOAT32") for _ in range(2)]
    values = [rng.normal(size=shape).astype(np.float32) for _ in range(2)]
    data = loop(model, state, body, shape, "FLOAT32")
    check_close(data, [np.zeros(1, np.int32), np.array([rounds], np.int32), *values])


@given(rounds=st.integers(0, 6), shape=SHAPES, kind=st.sampled_from(["FLOAT32", "INT32"]), seed=SEEDS)
@examples()
def test_while_whose_values_change_places(rounds: int, shape: Shape, kind: str, seed: int) -> None:
    def body(graph: Model, inputs: list[int]) -> list[int]:
        y = graph.tensor(shape, kind)
        graph.operator("SUB", inputs[:2], [y], "SubOptions")
        return [inputs[2], y, inputs[0]]

    model = Model()
    state = [model.input((1,), "INT32") for _ in range(2)] + [model.input(shape, kind) for _ in range(3)]
    rng = np.random.default_rng(seed)
    values = [rng.integers(-99, 99, shape).astype(kind.lower()) for _ in range(3)]
    count = np.array([rounds], np.int32)
    data, inputs = loop(model, state, body, shape, kind), [np.zeros(1, np.int32), count, *values]
    a, b, c = values
    for _ in range(rounds):
        a, b, c = c, a - b, a
    check(data, inputs, expected=[count, count, a, b, c])  # LiteRT overwrites what another place still wants


def compose(model: Model, graph: int, inputs: list[int], output: int) -> None:
    attributes = np.frombuffer(bytes(flexbuffers.Dumps({})), np.uint8)
    model.operator("STABLEHLO_COMPOSITE", inputs, [output], "StableHLOCompositeOptions", name="made.up",
                   decompositionSubgraphIndex=graph, compositeAttributes=attributes)  # fmt: skip


def composite(weights: list[Any]) -> tuple[bytes, list[int]]:
    """FULLY_CONNECTED twice by one decomposition, with other weights each time: they are the caller's constants."""
    model = Model()
    x = model.input((2, 4), "FLOAT32")
    inner = model.subgraph()
    a, w = inner.input((2, 4), "FLOAT32"), inner.input((4, 4), "FLOAT32")
    b = inner.tensor((2, 4), "FLOAT32")
    inner.operator("FULLY_CONNECTED", [a, w, -1], [b], "FullyConnectedOptions", version=5)
    inner.outputs([b])
    values = [x]
    for matrix in weights:
        y = model.tensor((2, 4), "FLOAT32")
        inputs = [values[-1], model.constant(matrix, "FLOAT32")]
        compose(model, 1, inputs, y)
        values.append(y)
    return model.finish(values[1:]), values


@given(seed=SEEDS)
@examples()
def test_composite(seed: int) -> None:
    rng = np.random.default_rng(seed)
    data, _ = composite([rng.normal(size=(4, 4)).astype(np.float32) for _ in range(3)])
    check_close(data, [rng.normal(size=(2, 4)).astype(np.float32)])


def sentence_of(data: bytes, *values: Any) -> str:
    with pytest.raises(NativeError) as caught:
        run_native(data, values)
    return str(caught.value)


def one_if(then: Callable[[Model], None], otherwise: Callable[[Model], None], kind: str = "FLOAT32") -> bytes:
    model = Model()
    inputs = [model.input((1,), "BOOL"), model.input((2, 3), kind)]
    y = model.tensor((2, 3), kind)
    then(model.subgraph())
    otherwise(model.subgraph())
    model.operator("IF", inputs, [y], "IfOptions", thenSubgraphIndex=1, elseSubgraphIndex=2)
    return model.finish([y])


def transposed(axes: list[int], shape: Shape) -> Callable[[Model], None]:
    def graph(model: Model) -> None:
        x, y = model.input((2, 3), "FLOAT32"), model.tensor(shape, "FLOAT32")
        model.operator("TRANSPOSE", [x, model.constant(axes, "INT32")], [y], "TransposeOptions")
        model.outputs([y])

    return graph


CONDITION, FLOATS = np.array([True]), np.zeros((2, 3), np.float32)


def test_branches_of_different_shapes_are_refused() -> None:
    data = one_if(transposed([0, 1], (2, 3)), transposed([1, 0], (3, 2)))
    assert "output 0 of another shape if its condition holds" in sentence_of(data, CONDITION, FLOATS)


def test_branches_of_other_types_are_refused() -> None:
    data = one_if(transposed([0, 1], (2, 3)), transposed([0, 1], (2, 3)), "INT32")
    assert "input 0 is of another type than what it gets" in sentence_of(data, CONDITION, FLOATS.astype(np.int32))


def test_graphs_of_other_numbers_of_inputs_are_refused() -> None:
    def pair(model: Model) -> None:
        branch(model, (2, 3), "FLOAT32", "ADD")

    assert "gives 1 inputs to a graph that takes 2" in sentence_of(one_if(pair, pair), CONDITION, FLOATS)


def test_what_a_graph_inside_refuses_is_told_with_its_number() -> None:
    def strange(model: Model) -> None:
        x, y = model.input((2, 3), "FLOAT32"), model.tensor((2, 3), "FLOAT32")
        model.custom("Strange", [x], [y])
        model.outputs([y])

    said = sentence_of(one_if(transposed([0, 1], (2, 3)), strange), CONDITION, FLOATS)
    assert said == "IF (operator 0): in graph 2: CUSTOM Strange (operator 0): not an operator of this engine"


def test_variables_inside_are_refused() -> None:
    def keeping(model: Model) -> None:
        x, y = model.input((2, 3), "FLOAT32"), model.tensor((2, 3), "FLOAT32")
        model.operator("ADD", [x, model.tensor((2, 3), "FLOAT32", variable=True)], [y], "AddOptions")
        model.outputs([y])

    data = one_if(keeping, transposed([0, 1], (2, 3)))
    assert "runs a graph that has variables of its own" in sentence_of(data, CONDITION, FLOATS)


def test_a_loop_that_changes_shapes_is_refused() -> None:
    def body(graph: Model, inputs: list[int]) -> list[int]:
        y = graph.tensor((4, 3), "INT32")
        graph.operator("CONCATENATION", [inputs[0], inputs[0]], [y], "ConcatenationOptions", axis=0)
        return [y]

    model = Model()
    state = [model.input((1,), "INT32"), model.input((1,), "INT32"), model.input((2, 3), "INT32")]
    said = sentence_of(
        loop(model, state, body, (2, 3), "INT32"), *(np.zeros(s, np.int32) for s in ((1,), (1,), (2, 3)))
    )
    assert "gives its value 2 another shape after a round" in said


def endless(start: Callable[[Model], int]) -> bytes:
    """A loop as long as a value, which nothing changes, is true."""
    model = Model()
    x, y = start(model), model.tensor((1,), "BOOL")
    for _ in range(2):
        graph = model.subgraph()
        graph.outputs([graph.input((1,), "BOOL")])
    model.operator("WHILE", [x], [y], "WhileOptions", condSubgraphIndex=1, bodySubgraphIndex=2)
    return model.finish([y])


def test_a_loop_without_end_is_stopped() -> None:
    data = endless(lambda model: model.input((1,), "BOOL"))
    assert run_native(data, [np.array([False])])[0].tolist() == [False]
    assert "its loops went round 16777216 times" in sentence_of(data, np.array([True]))
    assert "a loop of constants went round" in sentence_of(endless(lambda model: model.constant([True], "BOOL")))


def test_graphs_that_run_graphs_beyond_number_are_refused() -> None:
    model = graph = Model()
    model.input((2,), "FLOAT32")
    for depth in range(1, 30):
        inner = model.subgraph()
        inner.input((2,), "FLOAT32")
        values = [0]
        for _ in range(2):
            values.append(graph.tensor((2,), "FLOAT32"))
            compose(graph, depth, values[-2:-1], values[-1])
        graph.outputs(values[-1:])
        graph = inner
    graph.outputs([0])
    assert "run other graphs more than 256 times" in sentence_of(model.finish([2]), np.zeros(2, np.float32))
