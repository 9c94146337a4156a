import importlib.util
from pathlib import Path
from typing import Any

import pytest

Nets = dict[str, tuple[Any, tuple[Any, ...]]]


@pytest.fixture(scope="session")
def nets() -> Nets:
    """Six torch nets with seeded weights: name -> (module in evaluation mode, example inputs).

    The names: mlp, lenet, mobilenetv2, transformer, lstm, gru.
    """
    pytest.importorskip("torch")
    specification = importlib.util.spec_from_file_location("nets", Path(__file__).with_name("nets.py"))
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    built: Nets = module.build_all()
    return built
