"""A TorchScript file is told from a checkpoint."""

from pathlib import Path

import pytest

from edgequant_converters import SourceError, convert


def test_a_torchscript_file_has_its_own_sentence(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    with pytest.warns(DeprecationWarning):
        torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2)), tmp_path / "net.pt")
    with pytest.raises(SourceError, match=r"net.pt is a TorchScript program .*torch.export.save"):
        convert(tmp_path / "net.pt", tmp_path / "net.onnx")
