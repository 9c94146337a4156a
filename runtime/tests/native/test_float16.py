"""Operators of float16 activations, which are run on float32 and rounded once: LiteRT's bits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from .conftest import examples
from .oracle import check, run_native
from .single_op import Model, Quantized

pytestmark = pytest.mark.slow

SEEDS = st.integers(0, 2**32 - 1)
SHAPES = st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple)
BINARY = {
    "ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions", "MAXIMUM": "MaximumMinimumOptions",
    "MINIMUM": "MaximumMinimumOptions", "LESS": "LessOptions", "EQUAL": "EqualOptions",
}  # fmt: skip


def halves(seed: int, shape: tuple[int, ...]) -> NDArray[np.float16]:
    return (np.random.default_rng(seed).normal(size=shape) * 2).astype(np.float16)


@pytest.mark.parametrize("name", BINARY)
@given(seed=SEEDS, shape=SHAPES, constant=st.booleans())
@examples()
def test_two_inputs(seed: int, shape: tuple[int, ...], constant: bool, name: str) -> None:
    model = Model()
    x = model.input(shape, "FLOAT16")
    other = model.constant(halves(seed, shape), "FLOAT16") if constant else model.input(shape, "FLOAT16")
    y = model.tensor(shape, "BOOL" if name in ("LESS", "EQUAL") else "FLOAT16")
    model.operator(name, [x, other], [y], BINARY[name])
    check(model.finish([y]), [halves(seed + 1, shape)] + [halves(seed + 2, shape)] * (not constant))


@given(
    kind=st.sampled_from(["INT8", "UINT8"]), scale=st.floats(1e-4, 100), zero_point=st.integers(-128, 127), seed=SEEDS
)
@examples()
def test_quantize(kind: str, scale: float, zero_point: int, seed: int) -> None:
    model = Model()
    x = model.input((500,), "FLOAT16")
    y = model.tensor((500,), kind, Quantized(scale, zero_point + 128 * (kind == "UINT8")))
    model.operator("QUANTIZE", [x], [y], "QuantizeOptions", version=3)
    values = np.random.default_rng(seed).integers(0, 65536, 500).astype(np.uint16).view(np.float16)
    values[np.isnan(values)] = np.inf  # of which LiteRT makes the least or the largest number
    steps = (np.arange(-50, 50) / 2 * scale).astype(np.float16)
    check(model.finish([y]), [np.concatenate([values[:400], steps])])


@pytest.mark.parametrize("name", ["ABS", "NEG", "RELU", "RELU6", "FLOOR", "CEIL", "ROUND"])
@given(seed=SEEDS, shape=SHAPES)
@examples(5)
def test_one_input(seed: int, shape: tuple[int, ...], name: str) -> None:
    model = Model()
    x, y = model.input(shape, "FLOAT16"), model.tensor(shape, "FLOAT16")
    model.operator(name, [x], [y])
    check(model.finish([y]), [halves(seed, shape)])


def test_one_after_the_other() -> None:
    model = Model()
    x = model.input((3, 4), "FLOAT16")
    h, y = model.tensor((3, 4), "FLOAT16"), model.tensor((3, 4), "FLOAT16")
    model.operator("MUL", [x, x], [h], "MulOptions")
    model.operator("ADD", [h, x], [y], "AddOptions")
    values = halves(0, (3, 4))
    (found,) = run_native(model.finish([y]), [values])
    assert np.array_equal(found, values * values + values)


@pytest.mark.parametrize("name", ["SQRT", "LOGISTIC", "EXP", "TANH"])
def test_what_litert_approximates_is_rounded_once(name: str) -> None:
    model = Model()
    x, y = model.input((3, 40), "FLOAT16"), model.tensor((3, 40), "FLOAT16")
    model.operator(name, [x], [y])
    values = np.abs(halves(0, (3, 40)))
    function = {"SQRT": np.sqrt, "LOGISTIC": lambda v: 1 / (1 + np.exp(-v)), "EXP": np.exp, "TANH": np.tanh}[name]
    (found,) = run_native(model.finish([y]), [values])
    assert np.array_equal(found, function(values.astype(np.float64)).astype(np.float16))


def test_sums_are_rounded_once() -> None:
    model = Model()
    x, y = model.input((2, 300), "FLOAT16"), model.tensor((2,), "FLOAT16")
    model.operator("MEAN", [x, model.constant(np.array([1]), "INT32")], [y], "ReducerOptions")
    values = halves(1, (2, 300))
    (found,) = run_native(model.finish([y]), [values])
    assert np.array_equal(found, values.astype(np.float64).mean(1).astype(np.float16))
