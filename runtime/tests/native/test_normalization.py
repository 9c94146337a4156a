"""Layers that normalize rows: files spell them out in nine operators, the engine runs one step, with the same bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgequant_runtime import Session

from .oracle import NativeSession, run_native
from .single_op import NONE, Model

pytestmark = pytest.mark.slow

EPSILON = np.float32(1e-5)

Floats = NDArray[np.float32]


def row_means(x: Floats) -> Floats:
    """The means of rows as the engine makes them: in double precision, every fourth value in a sum of its own."""
    lanes = np.zeros((*x.shape[:-1], 4))
    for i in range(x.shape[-1]):
        lanes[..., i % 4] += x[..., i]
    total = ((lanes[..., 0] + lanes[..., 1]) + lanes[..., 2]) + lanes[..., 3]
    return (total / x.shape[-1]).astype(np.float32)[..., None]


class Layer:
    """A model of one such layer, operator by operator."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.model, self.shape = Model(), shape
        self.x = self.model.input(shape, "FLOAT32")

    def add(self, code: str, *inputs: int, narrow: bool = False, **options: Any) -> int:
        """Append an operator; narrow: it gives one value for each row."""
        made = self.model.tensor((*self.shape[:-1], 1) if narrow else self.shape, "FLOAT32")
        table = {"MEAN": "ReducerOptions", "RSQRT": None, "SQUARED_DIFFERENCE": "SquaredDifferenceOptions"}
        self.model.operator(code, list(inputs), [made], table.get(code, f"{code.capitalize()}Options"), **options)
        return made

    def mean(self, x: int) -> int:
        return self.add("MEAN", x, self.model.constant([-1], "INT32"), narrow=True, keepDims=True)

    def constant(self, values: Any) -> int:
        return self.model.constant(np.asarray(values, np.float32), "FLOAT32")

    def normalized(self, squares: Callable[[Layer, int, int, int], int]) -> tuple[int, int]:
        """Return the deviations of the rows from their means, and these over their own."""
        means = self.mean(self.x)
        deviations = self.add("SUB", self.x, means)
        variance = self.mean(squares(self, self.x, means, deviations))
        factors = self.add("RSQRT", self.add("ADD", self.constant([EPSILON]), variance, narrow=True), narrow=True)
        return deviations, self.add("MUL", factors, deviations)


SQUARES: dict[str, Callable[[Layer, int, int, int], int]] = {
    "MUL": lambda layer, x, means, deviations: layer.add("MUL", deviations, deviations),
    "SQUARED_DIFFERENCE": lambda layer, x, means, deviations: layer.add("SQUARED_DIFFERENCE", x, means),
}


def values_of(shape: tuple[int, ...]) -> Floats:
    return np.random.default_rng(3).normal(2, 3, shape).astype(np.float32)


def expected(x: Floats) -> tuple[Floats, Floats]:
    """Return the deviations of the rows from their means, and these over their own."""
    deviations = x - row_means(x)
    return deviations, deviations * (np.float32(1) / np.sqrt(row_means(deviations * deviations) + EPSILON))


def steps_of(data: bytes) -> list[str]:
    return [step.operators for step in Session(data, engine="native", profile=True).profile()]


@pytest.mark.parametrize("squares", SQUARES)
@pytest.mark.parametrize("shape", [(3, 1, 64), (5, 7), (2, 3, 5, 18), (4, 33), (2, 2)])
def test_is_one_step_with_the_bits_of_nine(shape: tuple[int, ...], squares: str) -> None:
    layer = Layer(shape)
    gain, offset = np.linspace(-2, 3, shape[-1]), np.linspace(1, -1, shape[-1])
    _, rows = layer.normalized(SQUARES[squares])
    product = layer.add("MUL", layer.constant(gain), rows)
    data = layer.model.finish([layer.add("ADD", product, layer.constant([offset]))])
    x = values_of(shape)
    _, normalized = expected(x)
    reference = normalized * gain.astype(np.float32) + offset.astype(np.float32)
    np.testing.assert_array_equal(run_native(data, [x])[0], reference)
    assert len(steps_of(data)) == 1


def test_what_others_read_stays() -> None:
    layer = Layer((3, 16))
    deviations, rows = layer.normalized(SQUARES["MUL"])
    doubled = layer.add("MUL", rows, layer.constant(np.full(16, 2)))
    data = layer.model.finish([deviations, rows, layer.add("ADD", doubled, layer.constant(np.ones(16)))])
    x = values_of((3, 16))
    references = [*expected(x), expected(x)[1] * np.float32(2) + np.float32(1)]
    for made, reference in zip(run_native(data, [x]), references):
        np.testing.assert_array_equal(made, reference)


def test_a_gain_for_each_row_is_multiplied_by_itself() -> None:
    layer = Layer((4, 16))
    gain = np.arange(1, 5, dtype=np.float32)[:, None]
    _, rows = layer.normalized(SQUARES["MUL"])
    product = layer.add("MUL", rows, layer.constant(gain))
    data = layer.model.finish([layer.add("ADD", product, layer.constant(np.ones(16)))])
    x = values_of((4, 16))
    np.testing.assert_array_equal(run_native(data, [x])[0], expected(x)[1] * gain + np.float32(1))


def test_means_less_values_are_no_deviations() -> None:
    layer = Layer((4, 8))
    means = layer.mean(layer.x)
    deviations = layer.add("SUB", means, layer.x)
    variance = layer.mean(layer.add("MUL", deviations, deviations))
    factors = layer.add("RSQRT", layer.add("ADD", variance, layer.constant([EPSILON]), narrow=True), narrow=True)
    doubled = layer.add("MUL", layer.add("MUL", deviations, factors), layer.constant(np.full(8, 2)))
    data = layer.model.finish([layer.add("ADD", doubled, layer.constant(np.ones(8)))])
    x = values_of((4, 8))
    np.testing.assert_array_equal(run_native(data, [x])[0], np.float32(1) - expected(x)[1] * np.float32(2))


def test_a_variable_is_read_before_it_changes() -> None:
    """The state of an RNN is normalized, and changes before the last of the operators."""
    layer = Layer((2, 4))
    inputs, eye = layer.x, layer.model.constant(np.eye(4), "FLOAT32")
    state = layer.x = layer.model.tensor((2, 4), "FLOAT32", variable=True)
    _, rows = layer.normalized(SQUARES["MUL"])
    product = layer.add("MUL", rows, layer.constant(np.full(4, 2)))
    y = layer.model.tensor((2, 4), "FLOAT32")
    recurrent, bias = layer.model.constant(np.zeros((4, 4)), "FLOAT32"), layer.constant(np.zeros(4))
    layer.model.operator("RNN", [inputs, eye, recurrent, bias, state], [y], "RNNOptions", fusedActivationFunction=NONE)
    data = layer.model.finish([y, layer.add("ADD", product, layer.constant(np.ones(4)))])
    x = values_of((2, 4))
    with NativeSession(data, [x]) as session:
        for before in (np.zeros_like(x), x):
            made, normalized = session.run([x])
            np.testing.assert_array_equal(made, x)
            np.testing.assert_array_equal(normalized, expected(before)[1] * np.float32(2) + np.float32(1))
