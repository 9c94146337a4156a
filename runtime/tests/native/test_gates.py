"""A tensor times its own LOGISTIC: two operators of a file, one step of x86-64, with the same bits."""

from __future__ import annotations

import platform

import numpy as np
import pytest

from edgequant_runtime import Session

from .oracle import run_native
from .single_op import NONE, Model

SHAPES = [(1, 5, 7, 18), (2, 3, 3, 64), (3, 700), (1,)]


def gated(shape: tuple[int, ...], *, gates_first: bool, shown: bool) -> bytes:
    """Return a model of both operators; shown: the gates are an output too."""
    model = Model()
    x = model.input(shape, "FLOAT32")
    gates, y = model.tensor(shape, "FLOAT32"), model.tensor(shape, "FLOAT32")
    model.operator("LOGISTIC", [x], [gates])
    model.operator("MUL", [gates, x] if gates_first else [x, gates], [y], "MulOptions", fusedActivationFunction=NONE)
    return model.finish([y, gates] if shown else [y])


@pytest.mark.parametrize("gates_first", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_is_one_step_with_the_bits_of_two(shape: tuple[int, ...], gates_first: bool) -> None:
    x = np.random.default_rng(5).normal(0, 6, shape).astype(np.float32)
    y, gates = run_native(gated(shape, gates_first=gates_first, shown=True), [x])
    np.testing.assert_array_equal(y, x * gates)
    alone = gated(shape, gates_first=gates_first, shown=False)
    np.testing.assert_array_equal(run_native(alone, [x])[0], y)
    steps = [step.operators for step in Session(alone, engine="native", profile=True).profile()]
    assert steps == (["LOGISTIC+MUL"] if platform.machine() == "x86_64" else ["LOGISTIC", "MUL"])


def test_gates_of_another_tensor_are_multiplied_as_they_are() -> None:
    model = Model()
    x, other = model.input((2, 33), "FLOAT32"), model.input((2, 33), "FLOAT32")
    gates, y = model.tensor((2, 33), "FLOAT32"), model.tensor((2, 33), "FLOAT32")
    model.operator("LOGISTIC", [other], [gates])
    model.operator("MUL", [x, gates], [y], "MulOptions", fusedActivationFunction=NONE)
    values = np.random.default_rng(6).normal(0, 3, (2, 2, 33)).astype(np.float32)
    made, expected_gates = run_native(model.finish([y, gates]), list(values))
    np.testing.assert_array_equal(made, values[0] * expected_gates)
