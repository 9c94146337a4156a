"""A .pt2 file as a source: read without running code from it, and converted like the module it came from."""

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgequant_converters import SourceError, sqnr_db
from edgequant_converters._evaluate import open_model
from edgequant_converters._quiet import quiet
from edgequant_converters.sources import from_exported_program

pytestmark = pytest.mark.torch_export

torch = pytest.importorskip("torch")


def save(path: Path, module: Any, *args: Any, **options: Any) -> Path:
    with quiet():
        program = torch.export.export(module, args, **options)
        torch.export.save(program, path)
    return path


def small_net() -> Any:
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(64, 5)
    ).eval()


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return save(tmp_path / "net.pt2", small_net(), torch.randn(1, 3, 6, 6))


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_both_hubs(layout: str, saved: Path, tmp_path: Path) -> None:
    source = from_exported_program(saved, input_layout=layout)
    assert source.description == "net.pt2 (torch exported program)"
    source.write_litert(tmp_path / "model.tflite")
    source.write_onnx(tmp_path / "model.onnx")
    x = torch.randn(1, 3, 6, 6, generator=torch.Generator().manual_seed(7))
    fed = x.permute(0, 2, 3, 1).contiguous() if layout == "nhwc" else x
    with torch.no_grad():
        expected = small_net()(x).numpy()
    for suffix in (".tflite", ".onnx"):
        model = open_model(tmp_path / f"model{suffix}")
        assert [spec.name for spec in model.inputs] == ["input"]
        assert sqnr_db(expected, model.run({"input": fed.numpy()})[0]) >= 100


class Structured(torch.nn.Module):
    def forward(self, a: Any, pair: Any, *, scale: Any, double: bool = True) -> Any:
        return {"sum": a + pair[0] * scale, "other": [pair[1], a * 2] if double else a}


def test_keyword_arguments_lists_and_constants(tmp_path: Path) -> None:
    arguments = (torch.randn(1, 3), [torch.randn(1, 3), torch.randn(3)])
    path = save(tmp_path / "net.pt2", Structured(), *arguments, kwargs={"scale": torch.randn(3), "double": True})
    source = from_exported_program(path)
    source.write_litert(tmp_path / "model.tflite")
    source.write_onnx(tmp_path / "model.onnx")
    for suffix in (".tflite", ".onnx"):
        model = open_model(tmp_path / f"model{suffix}")
        assert [spec.name for spec in model.inputs] == ["a", "pair_0", "pair_1", "scale"]
        assert [spec.name for spec in model.outputs] == ["sum", "other_0", "other_1"]


def test_a_free_batch_takes_the_size_of_the_example(tmp_path: Path) -> None:
    shapes = {"dynamic_shapes": ({0: torch.export.Dim("batch", min=1, max=64)},)}
    path = save(tmp_path / "net.pt2", small_net(), torch.randn(2, 3, 6, 6), **shapes)
    from_exported_program(path).write_litert(tmp_path / "model.tflite")
    assert open_model(tmp_path / "model.tflite").inputs[0].shape == (2, 3, 6, 6)


def test_without_example_inputs(tmp_path: Path) -> None:
    with quiet():
        program = torch.export.export(small_net(), (torch.randn(1, 3, 6, 6),))
        program.example_inputs = None
        torch.export.save(program, tmp_path / "net.pt2")
    with pytest.raises(SourceError, match=r"no example inputs: save it again with torch\.export\.save"):
        from_exported_program(tmp_path / "net.pt2")


@pytest.mark.parametrize("layer", [torch.nn.Dropout(0.5), torch.nn.BatchNorm1d(3)])
def test_training_mode(layer: Any, tmp_path: Path) -> None:
    path = save(tmp_path / "net.pt2", layer.train(), torch.randn(2, 3))
    with pytest.raises(SourceError, match=r"in training mode: call model\.eval\(\)"):
        from_exported_program(path)


class Attack:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.system, (f"touch '{self.target}'",)


def with_pickle_inside(saved: Path, target: Path) -> None:
    """Put a pickle that runs a command where the example inputs are."""
    attack = io.BytesIO()
    torch.save(Attack(target), attack)
    with zipfile.ZipFile(saved) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(saved, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, attack.getvalue() if "sample_inputs" in name else content)


@pytest.mark.parametrize("kind", ["inside", "torch.save", "pickle"])
def test_pickles_are_not_run(kind: str, saved: Path, tmp_path: Path) -> None:
    target = tmp_path / "attacked"
    if kind == "inside":
        with_pickle_inside(saved, target)
    elif kind == "torch.save":
        torch.save(Attack(target), saved)
    else:
        saved.write_bytes(pickle.dumps(Attack(target)))
    with pytest.raises(SourceError, match=r"^net\.pt2 is no exported program"):
        from_exported_program(saved)
    assert not target.exists()
    assert "TORCH_FORCE_WEIGHTS_ONLY_LOAD" not in os.environ


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9])
def test_cut_short(kept: float, saved: Path) -> None:
    content = saved.read_bytes()
    saved.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(SourceError, match="cut short"):
        from_exported_program(saved)


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nowhere\.pt2 is not a file"):
        from_exported_program(tmp_path / "nowhere.pt2")
