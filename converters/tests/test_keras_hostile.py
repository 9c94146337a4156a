"""Keras files from a stranger: what they would import, run or open is refused before Keras sees them."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from edgequant_converters import SourceError
from edgequant_converters._tensorflow_worker._keras_file import check_keras_file

DENSE = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 3}, "registered_name": None}


def network(*layers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"module": "keras", "class_name": "Sequential", "config": {"name": "net", "layers": list(layers)}} | more


def archive(path: Path, config: Any, *others: str, packed: bool = False) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as file:
        file.writestr("config.json", json.dumps(config))
        for name in others:
            file.writestr(name, "0" * 1_000_000)
    return path


def hdf5(path: Path, config: Any) -> Path:
    h5py = pytest.importorskip("h5py", reason="needs h5py, which comes with TensorFlow")
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
    return path


def layer(kind: str, module: str | None = "keras.layers", **config: Any) -> dict[str, Any]:
    return {"module": module, "class_name": kind, "config": config}


@pytest.mark.parametrize("write", [archive, hdf5])
@pytest.mark.parametrize(
    ("config", "told"),
    [
        (network(layer("Lambda")), "has a Lambda layer, Python code"),
        (network(layer("Dense", activation={"class_name": "__lambda__", "config": {}})), "has a Lambda layer"),
        (network(layer("TorchModuleWrapper")), "has a TorchModuleWrapper layer"),
        (network(layer("TFSMLayer", filepath="/tmp/model")), "has a TFSMLayer layer"),
        (network(layer("TFOpLambda", None)), r"was saved by Keras 2 with .*\(TFOpLambda\).*tf_keras.models.load_model"),
        (network(layer("system", "os")), r"uses 'system', which is not part of Keras \(its module is os\)"),
        (network(layer("Dense", activation=layer("get_file", "keras.utils"))), "uses 'get_file'"),
        (network(layer("Dense", activation=layer("load", "keras.src.saving.saving_lib"))), "uses 'load'"),
        (network(layer("Evil", "keras_evil.layers")), "uses 'Evil'"),
        (network(layer("StringLookup", vocabulary="/etc/passwd")), "names a file, /etc/passwd, as its vocabulary"),
    ],
)
def test_what_would_run_is_refused(write: Any, config: Any, told: str, tmp_path: Path) -> None:
    path = write(tmp_path / ("net.keras" if write is archive else "net.h5"), config)
    with pytest.raises(SourceError, match=rf"^{path.name} {told}"):
        check_keras_file(path, path.name)


def test_what_keras_writes_is_let_through(tmp_path: Path) -> None:
    activation = {"module": "builtins", "class_name": "function", "config": "relu", "registered_name": "function"}
    inner = layer("Functional", "keras.src.models.functional", layers=[DENSE, layer("Dense", activation=activation)])
    lookup = layer("StringLookup", vocabulary=["a", "b"])
    config = network(DENSE, inner, lookup, compile_config={"loss": layer("MyLoss", "my_training")})
    check_keras_file(archive(tmp_path / "net.keras", config), "net.keras")


@pytest.mark.parametrize(
    ("others", "packed", "told"),
    [
        (["config.json"], False, "two parts of the archive have one name"),
        (["../outside"], False, "outside of its folder"),
        (["/outside"], False, "outside of its folder"),
        (["C:\\outside"], False, "outside of its folder"),
        (["model.weights.h5"], True, "unpacks to a hundred times its size"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_archives_that_keras_never_writes(others: list[str], packed: bool, told: str, tmp_path: Path) -> None:
    path = archive(tmp_path / "net.keras", network(DENSE), *others, packed=packed)
    with pytest.raises(SourceError, match=told):
        check_keras_file(path, "net.keras")
