import importlib.util
import subprocess
import sys
from collections.abc import Callable, Iterator
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


@pytest.fixture(scope="session")
def tiny_tflite() -> Any:
    """The module that builds a tiny .tflite by hand: `build()` gives a ModelT, `expected(x)` its outputs."""
    specification = importlib.util.spec_from_file_location("tiny_tflite", Path(__file__).with_name("tiny_tflite.py"))
    assert specification and specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def keras_folder(make_once: Callable[..., Path]) -> Path:
    """A folder of Keras models, SavedModels and .tflite files, written by keras_networks.py in a process of its own."""
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("needs TensorFlow, which scripts/setup installs")
    script = Path(__file__).with_name("keras_networks.py")

    def fill(folder: Path) -> None:
        subprocess.run([sys.executable, str(script), str(folder)], check=True, capture_output=True, timeout=300)

    return make_once("keras", fill)


@pytest.fixture(scope="session")
def tensorflow_process() -> Iterator[Any]:
    """A TensorFlow process that many tests may share, as it takes ten seconds to start."""
    from edgequant_converters.sources._tensorflow import ReusableTensorFlow

    process = ReusableTensorFlow()
    yield process
    process.close()


@pytest.fixture
def one_tensorflow(tensorflow_process: Any) -> Iterator[None]:
    """Let a test convert in the process that others have used before."""
    with tensorflow_process.reused():
        yield


@pytest.fixture(scope="session")
def hubs(nets: Nets, make_once: Callable[..., Path]) -> Callable[[str, str], Path]:
    """A function (name of a net, ".tflite" or ".onnx") -> path of its float32 model, written once."""
    from edgequant_converters.sources import from_torch

    def hub(name: str, suffix: str) -> Path:
        def fill(folder: Path) -> None:
            source = from_torch(*nets[name])
            write = source.write_litert if suffix == ".tflite" else source.write_onnx
            write(folder / f"{name}{suffix}")

        return make_once(f"{name}{suffix}", fill) / f"{name}{suffix}"

    return hub
