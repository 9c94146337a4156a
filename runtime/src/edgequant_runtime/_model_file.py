"""What a model file is, told by its content: names and suffixes can lie."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, BinaryIO, Union

from ._errors import ModelError

TFLITE, ONNX = "tflite", "onnx"
FLOAT32, FLOAT16 = "float32", "float16"

# A .tflite file is a flatbuffer: four bytes of offset, then the file identifier.
_TFLITE_IDENTIFIER = b"TFL3"

if TYPE_CHECKING:
    Model = Union[str, os.PathLike[str], bytes]


class ModelFile:
    """A model that is whole as far as its envelope shows: either `path` or `content` is set.

    `metadata` holds an ONNX model's metadata entries; it is empty for a .tflite model. `signature` is the name of that
    which is to be run of a .tflite model; None is its first graph. `precision` is what layers of floats compute with.
    """

    # Written out: a NamedTuple or a dataclass takes as long to define as two modules to import.
    __slots__ = ("content", "format", "metadata", "name", "path", "precision", "signature")

    def __init__(
        self,
        name: str,
        format_: str,
        metadata: Mapping[str, str],
        *,
        path: str | None = None,
        content: bytes | None = None,
    ) -> None:
        self.name, self.format, self.metadata = name, format_, metadata
        self.path, self.content = path, content
        self.signature: str | None = None
        self.precision = FLOAT32


def read_model_file(model: Model) -> ModelFile:
    """Find out what `model`, a path or the bytes themselves, is; raises ModelError if it is no model."""
    if isinstance(model, (bytes, bytearray, memoryview)):
        content = bytes(model)
        name = f"the model given as {len(content)} bytes"
        format_, metadata = _identify(io.BytesIO(content), name)
        return ModelFile(name, format_, metadata, content=content)
    if not isinstance(model, (str, os.PathLike)):
        raise ModelError(f"A model is given as a path or as bytes, not as {type(model).__name__}.")
    path = os.fsdecode(model)
    name = os.path.basename(path)
    try:
        with open(path, "rb") as file:
            format_, metadata = _identify(file, name)
    except IsADirectoryError as error:
        raise ModelError(f"{path} is a folder: give a .tflite or .onnx file.") from error
    except FileNotFoundError as error:
        raise ModelError(f"There is no file {path}.") from error
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}.") from error
    return ModelFile(name, format_, metadata, path=path)


def at_start(name: str) -> str:
    """Return a model's name as a sentence begins with it; a file's name stays as it is."""
    return f"T{name[1:]}" if name.startswith("the model given as ") else name


def _identify(file: BinaryIO, name: str) -> tuple[str, dict[str, str]]:
    """Return the format and an ONNX model's metadata."""
    start = file.read(8)
    if not start:
        raise ModelError(f"{at_start(name)} is empty: give a .tflite or .onnx model.")
    if start[4:] == _TFLITE_IDENTIFIER:
        return TFLITE, {}
    from ._onnx_header import read_onnx_metadata

    try:
        return ONNX, read_onnx_metadata(file)
    except ValueError as error:
        raise ModelError(f"{at_start(name)} is no .tflite or .onnx model, or is cut off: {error}.") from error
