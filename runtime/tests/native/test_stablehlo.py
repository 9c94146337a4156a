"""LiteRT's kernels of StableHLO's operators, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from .conftest import examples
from .oracle import NativeError, check, run_native
from .single_op import NUMPY_TYPES, Model, Quantized

pytestmark = pytest.mark.slow

ELEMENTWISE = ("STABLEHLO_ADD", "STABLEHLO_MULTIPLY", "STABLEHLO_MAXIMUM", "STABLEHLO_MINIMUM")
NUMBERS = ("FLOAT32", "FLOAT16", "INT8", "UINT8", "INT16", "UINT16", "INT32", "UINT32", "INT64", "BOOL")
SHAPES = st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple)
SEEDS = st.integers(0, 2**32 - 1)


def values(rng: np.random.Generator, kind: str, shape: tuple[int, ...]) -> NDArray[Any]:
    type_ = NUMPY_TYPES[kind]
    if np.issubdtype(type_, np.floating):
        return np.where(
            rng.random(shape) < 0.1, rng.choice([np.nan, np.inf, -0.0], shape), rng.normal(size=shape)
        ).astype(type_)
    if kind == "BOOL":
        return rng.random(shape) < 0.5
    return rng.integers(np.iinfo(type_).min, np.iinfo(type_).max, shape, type_, endpoint=True)


def binary(name: str, kind: str, shape: tuple[int, ...], quantized: Quantized | None = None) -> bytes:
    model = Model()
    a, b = (model.input(shape, kind, quantized) for _ in range(2))
    y = model.tensor(shape, kind, quantized)
    model.operator(name, [a, b], [y])
    return model.finish([y])


@given(name=st.sampled_from(ELEMENTWISE), kind=st.sampled_from(NUMBERS), shape=SHAPES, scaled=st.booleans(), seed=SEEDS)
@examples()
def test_elementwise(name: str, kind: str, shape: tuple[int, ...], scaled: bool, seed: int) -> None:
    """Scales change nothing; integers wrap."""
    rng = np.random.default_rng(seed)
    quantized = Quantized(0.1, 3) if kind == "INT8" and scaled else None
    check(binary(name, kind, shape, quantized), [values(rng, kind, shape) for _ in range(2)])


@given(kind=st.sampled_from(("INT8", "INT16", "INT32")), shape=SHAPES, seed=SEEDS)
@examples()
def test_shift_left(kind: str, shape: tuple[int, ...], seed: int) -> None:
    rng = np.random.default_rng(seed)
    places = rng.integers(0, 32, shape).astype(NUMPY_TYPES[kind])
    check(binary("STABLEHLO_SHIFT_LEFT", kind, shape), [values(rng, kind, shape), places])


def test_of_the_places_to_shift_by_five_bits_count() -> None:
    """LiteRT leaves more to the CPU and the compiler."""
    given = [np.array([1, 1, 3, -3], np.int32), np.array([32, -1, 40, 2**31 - 1], np.int32)]
    assert run_native(binary("STABLEHLO_SHIFT_LEFT", "INT32", (4,)), given)[0].tolist() == [1, -(2**31), 768, -(2**31)]


@pytest.mark.parametrize("name", [*ELEMENTWISE, "STABLEHLO_SHIFT_LEFT"])
def test_quantized_uint8_is_refused(name: str) -> None:
    with pytest.raises(NativeError, match=r"quantized uint8 is not supported|type UINT8"):
        run_native(binary(name, "UINT8", (2,), Quantized(0.1, 3)), [np.zeros(2, np.uint8)] * 2)
