"""What a Keras file says about itself, read without Keras: bad files are told in a fraction of a second."""

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from typing import Any

from edgequant_runtime.archives import ARCHIVE_DAMAGE

from edgequant_converters._errors import SourceError

from ._messages import first_line

EXPORT_ADVICE = (
    "in the program that defines it, write model.export('folder') and convert that folder, or build the network from "
    "Keras' own layers"
)


_OF_KERAS = re.compile(
    r"keras(\.src)?(\.(activations|constraints|dtype_policies|initializers|layers|losses|metrics|models|ops|optimizers|"
    r"random|regularizers)(\.\w+)*)?|builtins"
)
_RUNS_CODE = frozenset({"FlaxLayer", "JaxLayer", "Lambda", "TFSMLayer", "TorchModuleWrapper", "__lambda__"})
_KERAS_2_OPERATORS = frozenset({"TFOpLambda", "SlicingOpLambda", "InstanceMethod", "ClassMethod"})
_READS_FILES = ("vocabulary", "idf_weights")  # a layer takes the values, or the path of a file that has them
_LARGEST_RATIO = 100  # of the unpacked to the packed size of a .keras archive


def check_keras_file(path: Path, description: str) -> None:
    """Raise SourceError for a damaged file, one that holds weights alone, and one that would run or import code."""
    config = _read_config(path, description)
    if isinstance(config, dict):
        config.pop("compile_config", None)  # losses and optimizers, which may be anyone's: they are not loaded
    for entry in _dictionaries(config):
        _check_object(entry, description)


def _check_object(entry: dict[str, Any], description: str) -> None:
    kind, module = str(entry.get("class_name")), entry.get("module")
    if kind in _RUNS_CODE:
        raise SourceError(
            f"{description} has a {kind.strip('_').replace('lambda', 'Lambda')} layer, Python code that edgequant does "
            f"not run from a file: {EXPORT_ADVICE}."
        )
    if kind in _KERAS_2_OPERATORS:
        raise SourceError(
            f"{description} was saved by Keras 2 with TensorFlow operators between its layers ({kind}), which Keras 3 "
            "cannot read: with the package tf_keras, write tf_keras.models.load_model(file).export('folder') and "
            "convert that folder."
        )
    if "class_name" in entry and isinstance(module, str) and not _OF_KERAS.fullmatch(module):
        raise SourceError(
            f"{description} uses '{kind}', which is not part of Keras (its module is {module}): {EXPORT_ADVICE}."
        )
    for argument in _READS_FILES:
        if isinstance(entry.get(argument), str):
            raise SourceError(
                f"{description} names a file, {entry[argument]}, as its {argument}, which is not opened for a model: "
                "save the network with the values themselves."
            )


def _read_config(path: Path, description: str) -> Any:
    try:
        text = _config_text(path)
        if text is not None:
            return json.loads(text)
    except (KeyError, *ARCHIVE_DAMAGE) as error:
        raise SourceError(f"{description} is damaged or no Keras model: {first_line(error)}") from error
    raise SourceError(f"{description} holds weights without their network: save the whole with model.save().")


def _config_text(path: Path) -> str | bytes | None:
    if path.suffix.lower() == ".keras":
        with zipfile.ZipFile(path) as archive:
            _check_members(archive)
            return archive.read("config.json") if "config.json" in archive.namelist() else None
    import h5py

    with h5py.File(path) as file:
        config: str | bytes | None = file.attrs.get("model_config")
        return config


def _check_members(archive: zipfile.ZipFile) -> None:
    """Raise ValueError for what Keras never writes: it unpacks what it finds, each name where it says."""
    infos = archive.infolist()
    names = [info.filename for info in infos]
    if len(set(names)) < len(names):
        raise ValueError("two parts of the archive have one name")
    if any(PureWindowsPath(name).anchor or ".." in PureWindowsPath(name).parts for name in names):
        raise ValueError("a part of the archive would be unpacked outside of its folder")
    if any(info.file_size > _LARGEST_RATIO * info.compress_size + 4096 for info in infos):
        raise ValueError("a part of the archive unpacks to a hundred times its size")


def _dictionaries(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        yield from _dictionaries(child)
