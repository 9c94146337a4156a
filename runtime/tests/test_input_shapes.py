"""Shapes to open a model with, where 1 for its free sizes makes no sense."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgequant_runtime import InputError, ModelError, Session, SessionError

from .test_session import SUFFIXES


@pytest.fixture
def windows(models: Path) -> Path:
    """An int8 convolution whose window of 5 does not fit one sample of audio; the length is free."""
    return models / "windows.tflite"


@pytest.fixture(params=["auto", "native", "litert"])
def tflite_engine(request: pytest.FixtureRequest, litert: str) -> str:
    return str(request.param)


def test_a_model_that_needs_a_size_is_opened_with_it(windows: Path, tflite_engine: str) -> None:
    session = Session(windows, engine=tflite_engine, threads=1, input_shapes={"audio": (1, 1, 9, 2)})
    assert session.input_view("audio").shape == (1, 1, 9, 2)
    assert session.inputs[0].shape == (1, 1, -1, 2)
    assert session.run(np.ones((1, 1, 9, 2)))["frames"].tolist() == np.full((1, 1, 5, 3), 5).tolist()
    assert session.run(np.ones((1, 1, 6, 2)))["frames"].shape == (1, 1, 2, 3)
    assert session.clone().input_view("audio").shape == (1, 1, 9, 2)


def test_without_a_size_the_refusal_names_the_way_out(windows: Path, tflite_engine: str) -> None:
    with pytest.raises(
        ModelError, match=r"-1 in 'audio' \(1, 1, -1, 2\); give others with input_shapes in Python"
    ) as said:
        Session(windows, engine=tflite_engine, threads=1)
    assert "--input-shape" in str(said.value)


@pytest.mark.parametrize(
    ("shapes", "sentence"),
    [
        ({"x": (1, 4)}, "There is no input 'x' to give a shape: the model has 'features'."),
        ({"features": (4,)}, "has the shape (4,), but the model takes (-1, 4)"),
        ({"features": (2, 5)}, "has the shape (2, 5), but the model takes (-1, 4)"),
        ({"features": (0, 4)}, "any size from 1 up"),
        ({"features": (1.5, 4)}, "is a row of integers, not (1.5, 4)"),
        ({"features": 4}, "is a row of integers, not 4"),
        ([(1, 4)], "are given by name"),
    ],
)
def test_shapes_that_do_not_fit(models: Any, engine: str, shapes: Any, sentence: str) -> None:
    with pytest.raises(InputError) as said:
        Session(models / f"float{SUFFIXES[engine]}", engine=engine, input_shapes=shapes)
    assert sentence in str(said.value)


def test_the_first_views_and_bytes_have_the_shape(models: Any, engine: str) -> None:
    session = Session(models / f"float{SUFFIXES[engine]}", engine=engine, input_shapes={"features": np.array([3, 4])})
    assert session.input_view("features").shape == (3, 4)
    (given,) = session.run_bytes(np.ones((3, 4), np.float32).tobytes())
    assert len(given) == 3 * 3 * 4


def test_a_wrong_shape_says_nothing_of_the_engine(models: Any) -> None:
    with pytest.raises(SessionError, match="There is no input 'x'"):
        Session(models / "int8.tflite", input_shapes={"x": (1, 4)})
