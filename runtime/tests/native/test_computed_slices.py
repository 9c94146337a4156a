"""Slices from places that a run computes, and lists that loops write as TensorFlow's converter does, against LiteRT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from .conftest import examples
from .oracle import NativeError, NativeSession, check, run_native
from .single_op import Model, Quantized

pytestmark = pytest.mark.slow

SEEDS = st.integers(0, 2**32 - 1)
SHAPES = st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple)
KINDS = st.sampled_from(["FLOAT32", "INT8", "INT32", "INT64"])
INDICES = st.sampled_from(["INT32", "INT64"])

Shape = tuple[int, ...]


def quantized(kind: str) -> Quantized | None:
    return Quantized(0.05, 3) if kind == "INT8" else None


def values(shape: Shape, kind: str, seed: int) -> Any:
    return np.random.default_rng(seed).integers(-99, 99, shape).astype(kind.lower())


def sentence_of(data: bytes, *inputs: Any) -> str:
    with pytest.raises(NativeError) as caught:
        run_native(data, inputs)
    return str(caught.value)


@given(data=st.data(), shape=SHAPES, kind=KINDS, index=INDICES, seed=SEEDS)
@examples()
def test_slice_from_a_computed_place(data: st.DataObject, shape: Shape, kind: str, index: str, seed: int) -> None:
    size = [data.draw(st.integers(1, dim)) for dim in shape]
    begin = [data.draw(st.integers(0, dim - part)) for dim, part in zip(shape, size)]
    model = Model()
    x, place = model.input(shape, kind, quantized(kind)), model.input((len(shape),), index)
    y = model.tensor(size, kind, quantized(kind))
    model.operator("SLICE", [x, place, model.constant(size, index)], [y], "SliceOptions", version=2)
    check(model.finish([y]), [values(shape, kind, seed), np.array(begin, index.lower())])


def strided(shape: Shape, entries: Sequence[str], lengths: Sequence[int], strides: Sequence[int], kind: str) -> bytes:
    """Each entry is "one" element at a computed place, "some" from one on, or "all"; places are inputs of one value."""
    model = Model()
    x = model.input(shape, kind, quantized(kind))
    zero, begins, ends, out, shrink, mask = model.constant(0, "INT32"), [], [], [], 0, 0
    for i, (entry, length, stride) in enumerate(zip(entries, lengths, strides)):
        if entry == "all":
            begins.append(zero)
            ends.append(zero)
            out.append(-(-shape[i] // stride))
            mask |= 1 << i
            continue
        begins.append(model.input((), "INT32"))
        ends.append(model.tensor((), "INT32"))
        end = model.constant(1 if entry == "one" else length, "INT32")
        model.operator("ADD", [begins[-1], end], [ends[-1]], "AddOptions")
        if entry == "one":
            shrink |= 1 << i
        else:
            out.append(-(-length // stride))
    packed = [model.tensor((len(shape),), "INT32") for _ in range(2)]
    for row, tensor in zip((begins, ends), packed):
        model.operator("PACK", row, [tensor], "PackOptions", valuesCount=len(row), axis=0)
    y = model.tensor(out, kind, quantized(kind))
    inputs = [x, *packed, model.constant(strides, "INT32")]
    masks = {"beginMask": mask, "endMask": mask, "shrinkAxisMask": shrink}
    model.operator("STRIDED_SLICE", inputs, [y], "StridedSliceOptions", version=2, **masks)
    return model.finish([y])


@given(data=st.data(), shape=SHAPES, kind=KINDS, seed=SEEDS)
@examples()
def test_strided_slice_from_a_computed_place(data: st.DataObject, shape: Shape, kind: str, seed: int) -> None:
    entries = [data.draw(st.sampled_from(["one", "some", "all"])) for _ in shape]
    strides = [1 if entry == "one" else data.draw(st.integers(1, 3)) for entry in entries]
    lengths = [data.draw(st.integers(1, dim)) for dim in shape]
    places = [
        data.draw(st.integers(-dim, dim - 1) if entry == "one" and dim > 1 else st.integers(0, dim - length))
        for entry, dim, length in zip(entries, shape, lengths)
    ]
    places = [min(place, -2) if place < 0 else place for place in places]  # LiteRT's end of -1 would be 0
    inputs = [np.array(place, np.int32) for entry, place in zip(entries, places) if entry != "all"]
    check(strided(shape, entries, lengths, strides, kind), [values(shape, kind, seed), *inputs])


def put(graph: Model, items: int, place: int, element: int, shape: Shape, kind: str) -> int:
    """items[place] = element, as the converter lowers TensorListSetItem."""
    rank = len(shape)
    row, after = graph.tensor((1,), "INT32"), graph.tensor((1,), "INT32")
    graph.operator("RESHAPE", [place, graph.constant([1], "INT32")], [row], "ReshapeOptions", newShape=[1])
    graph.operator("ADD", [row, graph.constant([1], "INT32")], [after], "AddOptions")
    size, begin = graph.tensor((rank,), "INT32"), graph.tensor((rank,), "INT32")
    graph.operator("CONCATENATION", [row, graph.constant([-1] * (rank - 1), "INT32")], [size], "ConcatenationOptions")
    graph.operator("CONCATENATION", [after, graph.constant([0] * (rank - 1), "INT32")], [begin], "ConcatenationOptions")
    free = (-1, *shape[1:])
    parts = [graph.tensor((1, *shape[1:]), kind, quantized(kind), signature=free) for _ in range(2)]
    zeros, rest = graph.constant([0] * rank, "INT32"), graph.constant([-1] * rank, "INT32")
    graph.operator("SLICE", [items, zeros, size], parts[:1], "SliceOptions", version=2)
    graph.operator("SLICE", [items, begin, rest], parts[1:], "SliceOptions", version=2)
    y = graph.tensor(shape, kind, quantized(kind))
    graph.operator("CONCATENATION", [parts[0], element, parts[1]], [y], "ConcatenationOptions", version=2, axis=0)
    return y


def running_maximum(shape: Shape, kind: str, constants: Sequence[Any] = ()) -> bytes:
    """What Keras's recurrent layers are: a state takes in x[i], and is noted in a list at i; x begins again at its end.

    All values that go round are inputs, or these constants.
    """
    model = Model()
    shapes: list[Shape] = [(), (), shape, shape, (1, *shape[1:])]
    types = ["INT32", "INT32", kind, kind, kind]
    scales = [None, None, *[quantized(kind)] * 3]
    state = [model.constant(value, type_, scale) for value, type_, scale in zip(constants, types, scales)]
    state = state or [model.input(*each) for each in zip(shapes, types, scales)]

    def graph() -> tuple[Model, list[int]]:
        made = model.subgraph()
        return made, [made.input(*each) for each in zip(shapes, types, scales)]

    condition, inputs = graph()
    less = condition.tensor((), "BOOL")
    condition.operator("LESS", inputs[:2], [less], "LessOptions")
    condition.outputs([less])
    body, (i, last, x, items, total) = graph()
    row = body.tensor((1,), "INT32")
    around = body.tensor((), "INT32")
    body.operator("FLOOR_MOD", [i, body.constant(shape[0], "INT32")], [around], "FloorModOptions")
    body.operator("RESHAPE", [around, body.constant([1], "INT32")], [row], "ReshapeOptions", newShape=[1])
    element = body.tensor((1, *shape[1:]), kind, quantized(kind))
    body.operator("GATHER", [x, row], [element], "GatherOptions", version=2, axis=0)
    larger = body.tensor((1, *shape[1:]), kind, quantized(kind))
    body.operator("MAXIMUM", [element, total], [larger], "MaximumMinimumOptions", version=2)
    count = body.tensor((), "INT32")
    body.operator("ADD", [i, body.constant(1, "INT32")], [count], "AddOptions")
    body.outputs([count, last, x, put(body, items, i, larger, shape, kind), larger])
    outputs = [model.tensor(*each) for each in zip(shapes, types, scales)]
    model.operator("WHILE", state, outputs, "WhileOptions", condSubgraphIndex=1, bodySubgraphIndex=2)
    return model.finish(outputs)


def arguments(first: int, last: int, shape: Shape, kind: str, seed: int) -> list[Any]:
    rows = [values(s, kind, seed + i) for i, s in enumerate((shape, shape, (1, *shape[1:])))]
    return [np.array(first, np.int32), np.array(last, np.int32), *rows]


@given(data=st.data(), shape=SHAPES, kind=st.sampled_from(["FLOAT32", "INT8", "INT32"]), seed=st.integers(0, 2**31))
@examples()
def test_lists_that_loops_write(data: st.DataObject, shape: Shape, kind: str, seed: int) -> None:
    first = data.draw(st.integers(0, shape[0]))
    last = data.draw(st.integers(first, shape[0]))
    check(running_maximum(shape, kind), arguments(first, last, shape, kind, seed))


def test_a_place_behind_the_list_stops_the_run() -> None:
    data = running_maximum((4, 3), "FLOAT32")
    said = sentence_of(data, *arguments(2, 6, (4, 3), "FLOAT32", 0))
    assert said == (
        "CONCATENATION (operator 11): it computed a place that is not in its tensor; look at the values of the inputs"
    )
    assert "computed a place" in sentence_of(data, *arguments(-1, 2, (4, 3), "FLOAT32", 0))
    good = arguments(0, 4, (4, 3), "FLOAT32", 0)
    with NativeSession(data, good) as session:
        with pytest.raises(NativeError):
            session.run(arguments(2, 6, (4, 3), "FLOAT32", 0))
        ours = session.run(good)  # the session goes on
    assert [output.tobytes() for output in ours] == [output.tobytes() for output in run_native(data, good)]


def test_a_loop_of_constants_that_leaves_its_list_is_refused() -> None:
    data = running_maximum((4, 3), "FLOAT32", arguments(2, 6, (4, 3), "FLOAT32", 0))
    assert sentence_of(data) == "WHILE (operator 0): a loop of constants takes what is not in its tensor"


@pytest.mark.parametrize("begin", [[0, 2], [-1, 0], [3, 0], [0, -(2**31)], [2**31 - 1, 0]])
def test_a_computed_slice_outside_of_its_tensor_stops_the_run(begin: list[int]) -> None:
    model = Model()
    x, place, y = model.input((4, 3), "FLOAT32"), model.input((2,), "INT32"), model.tensor((2, 2), "FLOAT32")
    model.operator("SLICE", [x, place, model.constant([2, 2], "INT32")], [y], "SliceOptions")
    said = sentence_of(model.finish([y]), np.zeros((4, 3), np.float32), np.array(begin, np.int32))
    assert said.startswith("SLICE (operator 0): it computed a place that is not in its tensor")


def test_a_size_that_is_computed_for_several_axes_is_refused() -> None:
    model = Model()
    x, size, y = model.input((4, 3), "FLOAT32"), model.input((2,), "INT32"), model.tensor((1, 3), "FLOAT32")
    model.operator("SLICE", [x, model.constant([0, 0], "INT32"), size], [y], "SliceOptions")
    said = sentence_of(model.finish([y]), np.zeros((4, 3), np.float32), np.array([1, 3], np.int32))
    assert said == "SLICE (operator 0): gives a tensor whose size is known only during a run"


@pytest.mark.parametrize("then", ["ABS", "CONCATENATION"])
def test_parts_of_lists_are_taken_by_updates_alone(then: str) -> None:
    model = Model()
    x, rows, part = model.input((4, 3), "FLOAT32"), model.input((1,), "INT32"), model.tensor((1, 3), "FLOAT32")
    size = model.tensor((2,), "INT32")
    model.operator("CONCATENATION", [rows, model.constant([3], "INT32")], [size], "ConcatenationOptions")
    model.operator("SLICE", [x, model.constant([0, 0], "INT32"), size], [part], "SliceOptions")
    y = model.tensor((1, 3), "FLOAT32")
    inputs, options = ([part], None) if then == "ABS" else ([part, x, part], "ConcatenationOptions")
    model.operator(then, inputs, [y], options)
    said = sentence_of(model.finish([y]), np.zeros((4, 3), np.float32), np.array([1], np.int32))
    assert f"{then} (operator 2): has a tensor whose size is known only during a run" in said
