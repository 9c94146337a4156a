"""What a Keras file says about itself, read without Keras: bad files are told in a fraction of a second."""

import json
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgequant_converters._errors import SourceError

from ._messages import first_line

EXPORT_ADVICE = (
    "in the program that defines it, write model.export('folder') and convert that folder, or build the network from "
    "Keras' own layers"
)


def check_keras_file(path: Path, description: str) -> None:
    """Raise SourceError for a damaged file, one that holds weights alone, and one with Python code in it."""
    config = _read_config(path, description)
    if any(entry.get("class_name") == "Lambda" for entry in _dictionaries(config)):
        raise SourceError(
            f"{description} has a Lambda layer, Python code that edgequant does not run from a file: {EXPORT_ADVICE}."
        )


def _read_config(path: Path, description: str) -> Any:
    try:
        text = _config_text(path)
        if text is not None:
            return json.loads(text)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise SourceError(f"{description} is damaged or no Keras model: {first_line(error)}") from error
    raise SourceError(f"{description} holds weights without their network: save the whole with model.save().")


def _config_text(path: Path) -> str | bytes | None:
    if path.suffix.lower() == ".keras":
        with zipfile.ZipFile(path) as archive:
            return archive.read("config.json") if "config.json" in archive.namelist() else None
    import h5py

    with h5py.File(path) as file:
        config: str | bytes | None = file.attrs.get("model_config")
        return config


def _dictionaries(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        yield from _dictionaries(child)
