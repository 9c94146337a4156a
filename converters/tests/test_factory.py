"""`package.module:factory` with weights in a file, and every way in which they may not fit."""

import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgequant_converters import SourceError, sqnr_db
from edgequant_converters._evaluate import open_model
from edgequant_converters.sources import from_factory

pytestmark = pytest.mark.torch_export

torch = pytest.importorskip("torch")
save_safetensors = pytest.importorskip("safetensors.torch").save_file

SHAPE = ["1,3,6,6"]
CODE = """
import torch
from torch import nn

class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(64, 5))

class nested:
    build = Net

built = Net()
number = 3

def broken():
    raise RuntimeError("no\\nluck")

def words():
    return "words"

def needs(argument):
    return Net()

class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(7, 4)
    def forward(self, tokens, scale):
        return self.table(tokens) * scale
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the code of a network, as the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "user_network", raising=False)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "user_network.py").write_text(CODE)
    (tmp_path / "user_typo.py").write_text("import a_module_that_is_missing\n")
    (tmp_path / "user_crash.py").write_text("1 / 0\n")
    return tmp_path


def trained() -> Any:
    torch.manual_seed(3)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Flatten(), torch.nn.Linear(64, 5)
    ).eval()


def write_safetensors(state: Any, path: Path) -> None:
    save_safetensors(state, path)


WRITERS: dict[str, Callable[[Any, Path], None]] = {
    "net.safetensors": write_safetensors,
    "net.pt": torch.save,
    "nested.pth": lambda state, path: torch.save({"epoch": 3, "state_dict": state, "lr": 0.1}, path),
    "model.ckpt": lambda state, path: torch.save({"model": state}, path),
    "parallel.pt": lambda state, path: torch.save({f"module.{key}": value for key, value in state.items()}, path),
    "old_format.pt": lambda state, path: torch.save(state, path, _use_new_zipfile_serialization=False),
}


@pytest.mark.parametrize("name", WRITERS)
def test_weights_of_every_form(name: str, project: Path) -> None:
    WRITERS[name](trained().state_dict(), project / name)
    source = from_factory("user_network:Net", weights=project / name, input_shapes=SHAPE)
    source.write_onnx(project / "model.onnx")
    x = torch.randn(1, 3, 6, 6, generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        expected = trained()(x).numpy()
    assert sqnr_db(expected, open_model(project / "model.onnx").run({"input": x.numpy()})[0]) >= 100


@pytest.mark.parametrize("spec", ["user_network:nested.build", "user_network:built"])
def test_other_factories(spec: str, project: Path) -> None:
    assert from_factory(spec, weights=None, input_shapes=SHAPE).description == f"{spec} (torch module)"
    assert str(project) not in sys.path


def test_several_inputs_with_types(project: Path) -> None:
    shapes = ["2,5:int64", "4"]
    source = from_factory("user_network:Tokens", weights=None, input_shapes=shapes)
    source.write_onnx(project / "model.onnx")
    inputs = open_model(project / "model.onnx").inputs
    assert [(s.name, s.shape, s.dtype.name) for s in inputs] == [
        ("tokens", (2, 5), "int64"), ("scale", (4,), "float32"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("user_networks:Net", r"no module named user_networks; run from the folder"),
        ("user_network.part:Net", r"no module named user_network\.part"),
        ("user_typo:Net", "importing user_typo failed, as there is no module named a_module_that_is_missing"),
        ("user_crash:Net", "importing user_crash failed with ZeroDivisionError: division by zero"),
        ("user_network:Nett", "user_network has no 'Nett'"),
        ("user_network:number", "is a int, not a function or class"),
        ("user_network:broken", r"failed with RuntimeError: no; it must build the network without arguments"),
        ("user_network:needs", "missing 1 required positional argument"),
        ("user_network:words", r"returned a str where a torch\.nn\.Module is needed"),
    ],
)
def test_factories_that_do_not_work(spec: str, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        from_factory(spec, weights=None, input_shapes=SHAPE)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", ["1,3,a", "", "1,0,3", "1,3:complex64", "-1,3"])
def test_shapes_that_are_none(shape: str) -> None:
    with pytest.raises(SourceError, match="is not an input shape: give sizes such as"):
        from_factory("user_network:Net", weights=None, input_shapes=[shape])


def test_without_a_shape() -> None:
    with pytest.raises(SourceError, match="needs the shape of each input"):
        from_factory("user_network:Net", weights=None, input_shapes=[])


def test_a_shape_that_does_not_fit() -> None:
    with pytest.raises(SourceError, match=r"fails on example inputs of shape \(1, 4, 6, 6\)"):
        from_factory("user_network:Net", weights=None, input_shapes=["1,4,6,6"])


def test_weights_that_do_not_fit(project: Path) -> None:
    state = trained().state_dict()
    for key in ("0.weight", "0.bias", "1.weight", "1.bias"):
        del state[key]
    state |= {"head.weight": torch.zeros(1), "3.bias": torch.zeros(7)}
    torch.save(state, project / "net.pt")
    with pytest.raises(SourceError) as caught:
        from_factory("user_network:Net", weights=project / "net.pt", input_shapes=SHAPE)
    assert str(caught.value) == (
        "net.pt does not fit Net; missing: 0.weight, 0.bias, 1.weight and 1 more; unexpected: head.weight; "
        "of another shape: 3.bias (7 in the file, 5 in the network)."
    )


class Attack:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.system, (f"touch '{self.target}'",)


@pytest.mark.parametrize("kind", ["pickle", "torch.save"])
def test_a_pickle_posing_as_a_checkpoint_is_not_run(kind: str, project: Path) -> None:
    path, target = project / "net.pt", project / "attacked"
    if kind == "pickle":
        path.write_bytes(pickle.dumps(Attack(target)))
    else:
        torch.save(Attack(target), path)
    with pytest.raises(SourceError, match=r"^net\.pt holds pickled Python objects, .* not loaded: save .*\.$"):
        from_factory("user_network:Net", weights=path, input_shapes=SHAPE)
    assert not target.exists()


@pytest.mark.parametrize("name", ["net.pt", "net.safetensors"])
@pytest.mark.parametrize("content", [b"", b"only some text", "half"], ids=["empty", "text", "half"])
def test_damaged_weights(name: str, content: Any, project: Path) -> None:
    path = project / name
    if content == "half":
        WRITERS[name](trained().state_dict(), path)
        content = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(content)
    with pytest.raises(SourceError, match=rf"^{name} is not a"):
        from_factory("user_network:Net", weights=path, input_shapes=SHAPE)


@pytest.mark.parametrize("content", [[1, 2], {}, {"lr": 0.1}, {"state_dict": {}}], ids=repr)
def test_a_checkpoint_without_weights(content: Any, project: Path) -> None:
    torch.save(content, project / "net.pt")
    with pytest.raises(SourceError, match="holds no state_dict"):
        from_factory("user_network:Net", weights=project / "net.pt", input_shapes=SHAPE)


def test_missing_weights(project: Path) -> None:
    with pytest.raises(SourceError, match="is not a file: give the trained weights"):
        from_factory("user_network:Net", weights=project / "none.pt", input_shapes=SHAPE)
