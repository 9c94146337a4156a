"""A pickled module and a checkpoint that holds one are told from weights, each with its way out, and none is loaded."""

import re
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest

from edgequant_converters import SourceError, convert
from edgequant_converters.sources import from_factory
from edgequant_converters.sources._pickled_module import find_pickled_module

torch = pytest.importorskip("torch")


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU())


def weights() -> OrderedDict[str, Any]:
    return OrderedDict(Net().state_dict())


SAVE = {
    "zip": {},
    "protocol 4": {"pickle_protocol": 4},
    "before PyTorch 1.6": {"_use_new_zipfile_serialization": False},
}


@pytest.mark.parametrize("form", SAVE)
@pytest.mark.parametrize("key", [None, "model", "ema"])
def test_a_module_has_its_own_sentence(key: str | None, form: str, tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    torch.save(Net() if key is None else {"epoch": 3, "model": None, key: Net(), "names": ["a"]}, path, **SAVE[form])
    index = "" if key is None else f"['{key}']"
    under = "" if key is None else f" under '{key}'"
    told = f"net.pt holds a pickled {__name__}.Net{under}, which could run any code and is not loaded: if you trust "
    with pytest.raises(SourceError, match=re.escape(told)) as caught:
        convert(path, tmp_path / "net.onnx")
    assert f"model = torch.load('net.pt', weights_only=False){index}.float().eval() " in str(caught.value)
    with pytest.raises(SourceError, match=rf"^net\.pt holds a pickled {__name__}\.Net, .* save its weights alone"):
        from_factory(f"{__name__}:Net", weights=path, input_shapes=["1,2"])


@pytest.mark.parametrize("form", SAVE)
@pytest.mark.parametrize("nested", [False, True])
def test_weights_are_no_module(nested: bool, form: str, tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    torch.save({"model": weights(), "args": Path("a")} if nested else weights(), path, **SAVE[form])
    with pytest.raises(
        SourceError, match=r"^net\.pt holds weights without their network: name the code that builds it"
    ):
        convert(path, tmp_path / "net.onnx")


@pytest.mark.parametrize(
    "content", [b"", b"\x80\x02", b"\x80\x02c", b".", b"\x80\x02u.", b"\x80\x02h\x01.", b"PK\x03\x04"]
)
def test_damage_is_no_module(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "net.pt").write_bytes(content)
    assert find_pickled_module(tmp_path / "net.pt") is None
