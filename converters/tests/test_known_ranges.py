"""Ranges of a quantized source, on tensors that it did not round itself."""

import numpy as np
import pytest

from edgequant_converters.ir import Graph, Model, Operator, Tensor, constant
from edgequant_converters.passes import spread_known


def graph_of(*operators: Operator) -> Model:
    return Model([Graph([operators[0].given[0]], [operators[-1].output], list(operators))], ["x"], ["y"])


@pytest.mark.parametrize(("factor", "known"), [(0.25, True), (-0.25, False), (0.0, False), ([0.25, 0.5], False)])
def test_a_factor_keeps_the_integers(factor: float | list[float], known: bool) -> None:
    x, y, z = (Tensor(name, (1, 2)) for name in "xyz")
    scaled = Operator("MUL", [x, constant("factor", factor, np.float32)], [y])
    model = graph_of(scaled, Operator("ABS", [y], [z]))
    assert spread_known(model, {"x": (-1.0, 2.0)}) == {x: (-1.0, 2.0)} | ({y: (-0.25, 0.5)} if known else {})


@pytest.mark.parametrize(("factor", "known"), [(0.25, True), (-0.25, False)])
def test_what_a_factor_makes_tells_of_what_is_multiplied(factor: float, known: bool) -> None:
    x, gate, y = (Tensor(name, (1, 2)) for name in ("x", "gate", "y"))
    scaled = Operator("MUL", [gate, constant("factor", factor, np.float32)], [y])
    model = graph_of(Operator("RELU6", [x], [gate]), scaled)
    assert spread_known(model, {"y": (0.0, 1.0)}) == {y: (0.0, 1.0)} | ({gate: (0.0, 4.0)} if known else {})


def test_what_others_read_too_keeps_what_it_is_made_of() -> None:
    x, value, half, negative = (Tensor(name, (1, 2)) for name in ("x", "value", "half", "negative"))
    model = graph_of(
        Operator("MUL", [x, constant("one", 1.0, np.float32)], [value]),
        Operator("MUL", [value, constant("factor", 0.5, np.float32)], [half]),
        Operator("NEG", [value], [negative]),
    )
    ranges = {"x": (-6.0, 6.0), "half": (0.0, 1.0), "negative": (-6.0, 6.0)}
    assert spread_known(model, ranges)[value] == (-6.0, 6.0)


@pytest.mark.parametrize(("code", "inside"), [("LOGISTIC", True), ("SOFTMAX", False)])
def test_a_function_s_own_grid_is_for_outputs_and_sigmoids(code: str, inside: bool) -> None:
    x, y, z = (Tensor(name, (1, 8)) for name in "xyz")
    last = Operator(code, [x], [y])
    assert spread_known(graph_of(last), {}) == {y: (0.0, 255 / 256)}
    assert spread_known(graph_of(last, Operator("ABS", [y], [z])), {}) == ({y: (0.0, 255 / 256)} if inside else {})
