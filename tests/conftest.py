from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def models() -> Path:
    """The folder of small models that the runtime's tests use."""
    return Path(__file__).parent.parent / "runtime" / "tests" / "models"
