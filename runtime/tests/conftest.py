from __future__ import annotations

from pathlib import Path

import pytest

from edgequant_runtime import EngineError, engine_version

MODELS = Path(__file__).parent / "models"


@pytest.fixture(scope="session")
def models() -> Path:
    """The folder of small models that make_models.py wrote."""
    return MODELS


def installed(engine: str) -> bool:
    try:
        engine_version(engine)
    except EngineError:
        return False
    return True


@pytest.fixture(scope="session")
def litert() -> str:
    """Skip where LiteRT is not installed; return its distribution and version."""
    if not installed("litert"):
        pytest.skip("LiteRT is not installed")
    return engine_version("litert")


@pytest.fixture(params=["native", "litert", "onnxruntime"])
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine that is installed."""
    if not installed(request.param):
        pytest.skip(f"{request.param} is not installed")
    return request.param
