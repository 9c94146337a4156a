"""Fourier transforms of sound against LiteRT, within float32's precision, the same bits from every kernel set."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from .conftest import examples
from .oracle import NativeError, check, run_native
from .single_op import Model

pytestmark = pytest.mark.slow

SEEDS = st.integers(0, 2**32 - 1)


def rfft(shape: tuple[int, ...], lengths: tuple[int, int]) -> bytes:
    """RFFT2D and the parts of its result."""
    out = (*shape[:-2], lengths[0], lengths[1] // 2 + 1)
    model = Model()
    transformed = model.tensor(out, "COMPLEX64")
    x, size = model.input(shape, "FLOAT32"), model.constant(lengths, "INT32")
    model.operator("RFFT2D", [x, size], [transformed], "Rfft2dOptions")
    parts = [model.tensor(out, "FLOAT32") for _ in range(3)]
    for name, part in zip(("REAL", "IMAG", "COMPLEX_ABS"), parts):
        model.operator(name, [transformed], [part])
    return model.finish([transformed, *parts])


@given(
    batch=st.lists(st.integers(1, 3), max_size=2).map(tuple),
    size=st.tuples(st.integers(1, 9), st.integers(1, 70)),
    powers=st.tuples(st.integers(0, 3), st.integers(1, 7)),
    seed=SEEDS,
)
@examples()
def test_rfft2d(batch: tuple[int, ...], size: tuple[int, int], powers: tuple[int, int], seed: int) -> None:
    check(rfft((*batch, *size), (2 ** powers[0], 2 ** powers[1])), seed=seed, within=2e-7)


def test_rfft2d_of_a_second_of_sound() -> None:
    check(rfft((96, 1, 400), (1, 512)), within=2e-7)


@pytest.mark.parametrize("lengths", [(1, 1), (4, 1)])
def test_rfft2d_of_one_column(lengths: tuple[int, int]) -> None:
    """LiteRT gives what its memory held."""
    values = np.random.default_rng(0).normal(size=(2, 3, 2)).astype(np.float32)
    found = run_native(rfft(values.shape, lengths), [values])[0]
    assert np.allclose(found, np.fft.rfft2(values, lengths), atol=1e-6)


@given(size=st.integers(1, 50), seed=SEEDS)
@examples(4)
def test_parts_of_complex_inputs(size: int, seed: int) -> None:
    model = Model()
    x = model.input((size,), "COMPLEX64")
    parts = [model.tensor((size,), "FLOAT32") for _ in range(3)]
    for name, part in zip(("REAL", "IMAG", "COMPLEX_ABS"), parts):
        model.operator(name, [x], [part])
    check(model.finish(parts), seed=seed)


@pytest.mark.parametrize(
    ("lengths", "sentence"),
    [((3, 4), "powers of two"), ((0, 4), "powers of two"), ((1, 6), "powers of two"), ((2**15, 2**15), "limit")],
)
def test_rfft2d_refuses_lengths(lengths: tuple[int, int], sentence: str) -> None:
    with pytest.raises(NativeError, match=sentence):
        run_native(rfft((2, 3), lengths), [np.zeros((2, 3), np.float32)])
