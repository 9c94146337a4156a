"""If, Loop and Scan: bodies that are known to run so often are written out where that is short, else IF and WHILE."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx

from edgequant_converters._endless_loops import always_true
from edgequant_converters.ir import Builder, Tensor

from ._body import Body, put, repeat, take
from ._node import Node
from ._registry import lowers

_MOST_NODES = 64  # that are written out in all: a WHILE costs copies, and no quantizer looks inside


@lowers("If")
def branch(node: Node, build: Builder) -> list[Tensor]:
    """Take one of two bodies by a condition; if that is known, the body alone."""
    condition = node.input(0)
    branches = [node.attributes["then_branch"], node.attributes["else_branch"]]
    if condition.is_constant:
        return node.inline(branches[0] if condition.values.item() else branches[1], [])
    bodies = []
    for graph in branches:
        body = Body([], f"{build.scope}/{graph.name or 'branch'}")
        body.give(node.inline(graph, [], body.build, body.capture))
        bodies.append(body)
    shapes = [[(tensor.shape, tensor.type) for tensor in body.graph.outputs] for body in bodies]
    if shapes[0] != shapes[1]:
        node.refuse(
            "branches whose outputs have other shapes or types, unless the input that decides is fixed, as with "
            "--input-value sr=16000"
        )
    outside = list(dict.fromkeys([*bodies[0].outside, *bodies[1].outside]))
    for body in bodies:
        body.graph.inputs = [body.capture(tensor) for tensor in outside]
    then, otherwise = (node.add_graph(body.graph) for body in bodies)
    return build.ops("IF", [condition, *outside], shapes[0], thenSubgraphIndex=then, elseSubgraphIndex=otherwise)


@lowers("Loop")
def loop(node: Node, build: Builder) -> list[Tensor]:
    """Run a body as often as is said, and while it says so."""
    body, carried = node.attributes["body"], [node.input(index) for index in range(2, len(node.inputs))]
    most = int(node.constant(0).item()) if node.has_input(0) and node.is_constant(0) else None
    if node.has_input(0) and most is None:
        node.refuse("a number of rounds that is computed from data")
    start = node.optional(1)
    if start is not None and start.is_constant and not start.values.item():
        most = 0
    always = (start is None or start.is_constant) and always_true(body)
    if most is not None and (most * len(body.node) <= _MOST_NODES or most == 0) and (always or most == 0):
        return _written_out(node, build, body, most, carried)
    return _as_while(node, build, body, most, start, carried, always=always)


def _written_out(node: Node, build: Builder, body: onnx.GraphProto, count: int, carried: list[Tensor]) -> list[Tensor]:
    state = list(carried)
    columns: list[list[Tensor]] = [[] for _ in body.output[1 + len(carried) :]]
    for number in range(count):
        known = [build.constant(number, np.int64), build.constant(True)]
        _, *results = node.inline(body, [*known, *state])
        state, parts = results[: len(carried)], results[len(carried) :]
        for column, part in zip(columns, parts, strict=True):
            column.append(build.reshape(part, (1, *part.shape)))
    if columns and count == 0:
        node.refuse("a loop of no rounds that collects values")
    return [*state, *(build.concat(column, 0) for column in columns)]


def _as_while(
    node: Node, build: Builder, body: onnx.GraphProto, most: int | None, start: Tensor | None,
    carried: Sequence[Tensor], *, always: bool,
) -> list[Tensor]:  # fmt: skip
    collected = len(body.output) - 1 - len(carried)
    if collected and not (always and most is not None):
        node.refuse("values collected over a number of rounds that is not known")
    if always and most is None:
        node.refuse("a loop without an end")
    buffers = _buffers(node, build, body, most or 0, carried) if collected else []
    go_on = [] if always else [build.constant(True) if start is None else start]

    def step(inner: Body, index: Tensor, values: list[Tensor]) -> list[Tensor]:
        flag, values = (values[:1], values[1:]) if go_on else ([inner.build.constant(True)], values)
        state, filled = values[: len(carried)], values[len(carried) :]
        given = [inner.build.cast(index, "INT64"), *flag, *state]
        condition, *results = node.inline(body, given, inner.build, inner.capture)
        parts = results[len(carried) :]
        written = [put(inner.build, buffer, part, index) for buffer, part in zip(filled, parts, strict=True)]
        next_flag = [inner.build.reshape(condition, go_on[0].shape)] if go_on else []
        return [*next_flag, *results[: len(carried)], *written]

    made = repeat(node, build, most, [*go_on, *carried, *buffers], step, conditional=bool(go_on))
    return made[len(go_on) :]


def _buffers(node: Node, build: Builder, body: onnx.GraphProto, count: int, carried: Sequence[Tensor]) -> list[Tensor]:
    """Return zeros for what the rounds collect; its shapes show when the body is built once."""
    trial = Body([build.constant(0, np.int64), build.constant(True), *carried], "trial")
    results = node.inline(body, trial.own, trial.build, trial.capture)[1 + len(carried) :]
    return [build.constant(np.zeros((count, *part.shape)), part.dtype) for part in results]


@lowers("Scan")
def scan(node: Node, build: Builder) -> list[Tensor]:
    """Run a body on every slice of the inputs."""
    if node.opset < 9:
        node.refuse("the Scan of opset 8")
    body, many = node.attributes["body"], node.attributes["num_scan_inputs"]
    given = [node.input(index) for index in range(len(node.inputs))]
    state, sequences = given[: len(given) - many], given[len(given) - many :]
    axes = node.get("scan_input_axes", [0] * many)
    backwards = node.get("scan_input_directions", [0] * many)
    count = sequences[0].shape[axes[0]]
    if count < 0:
        node.refuse("a free number of rounds")
    ready = [
        _turned(build, build.transpose(x, _to_front(axis % x.rank, x.rank)), bool(back))
        for x, axis, back in zip(sequences, axes, backwards, strict=True)
    ]
    collected = len(body.output) - len(state)
    if count * len(body.node) <= _MOST_NODES:
        finals, columns = _scanned(node, build, body, count, state, ready)
    else:
        finals, columns = _scanned_by_while(node, build, body, count, state, ready)
    out_axes = node.get("scan_output_axes", [0] * collected)
    out_backwards = node.get("scan_output_directions", [0] * collected)
    for place, (axis, back) in enumerate(zip(out_axes, out_backwards, strict=True)):
        x = _turned(build, columns[place], bool(back))
        columns[place] = build.transpose(x, _from_front(axis % x.rank, x.rank))
    return [*finals, *columns]


def _scanned(
    node: Node, build: Builder, body: onnx.GraphProto, count: int, state: list[Tensor], ready: list[Tensor]
) -> tuple[list[Tensor], list[Tensor]]:
    columns: list[list[Tensor]] = [[] for _ in body.output[len(state) :]]
    size = len(state)
    for number in range(count):
        index = build.constant(number, np.int32)
        results = node.inline(body, [*state, *(take(build, x, index) for x in ready)])
        state = results[:size]
        for column, part in zip(columns, results[size:], strict=True):
            column.append(build.reshape(part, (1, *part.shape)))
    return state, [build.concat(column, 0) for column in columns]


def _scanned_by_while(
    node: Node, build: Builder, body: onnx.GraphProto, count: int, state: list[Tensor], ready: list[Tensor]
) -> tuple[list[Tensor], list[Tensor]]:
    slices = [Tensor(x.name, x.shape[1:], x.type) for x in ready]
    trial = Body([*state, *slices], "trial")
    results = node.inline(body, trial.own, trial.build, trial.capture)[len(state) :]
    buffers = [build.constant(np.zeros((count, *part.shape)), part.dtype) for part in results]

    def step(inner: Body, index: Tensor, values: list[Tensor]) -> list[Tensor]:
        own, filled = values[: len(state)], values[len(state) :]
        parts = [take(inner.build, inner.capture(x), index) for x in ready]
        results = node.inline(body, [*own, *parts], inner.build, inner.capture)
        written = [put(inner.build, x, part, index) for x, part in zip(filled, results[len(state) :], strict=True)]
        return [*results[: len(state)], *written]

    made = repeat(node, build, count, [*state, *buffers], step)
    return made[: len(state)], made[len(state) :]


def _turned(build: Builder, x: Tensor, backwards: bool) -> Tensor:
    if not backwards:
        return x
    return build.op("REVERSE_V2", [x, build.constant([0], np.int32)], x.shape)


def _to_front(axis: int, rank: int) -> list[int]:
    return [axis, *(other for other in range(rank) if other != axis)]


def _from_front(axis: int, rank: int) -> list[Any]:
    order = list(range(1, rank))
    order.insert(axis, 0)
    return order
