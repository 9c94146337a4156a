"""Keras models, in memory or in a file, as a source."""

import os
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgequant_converters._errors import SourceError
from edgequant_converters._reason import reason
from edgequant_converters.calibration import SampleFor, no_sample

from ._tensorflow_source import TensorFlowSource

_MARKS = {".keras": (b"PK\x03\x04", "a .keras archive"), ".h5": (b"\x89HDF\r\n\x1a\n", "an HDF5 file")}


def keras_source(
    model_or_path: Any, sample: SampleFor = no_sample, input_shapes: Sequence[str] = ()
) -> TensorFlowSource:
    """Return a Keras model (saved now, to a temporary file) or a `.keras`, `.h5` or `.hdf5` file as a source."""
    if isinstance(model_or_path, (str, os.PathLike)):
        path = Path(model_or_path)
        _check_file(path)
        return TensorFlowSource("keras", path, f"{path.name} (Keras)", sample, input_shapes)
    return _saved(model_or_path, sample, input_shapes)


def _saved(model: Any, sample: SampleFor, input_shapes: Sequence[str]) -> TensorFlowSource:
    description = f"{getattr(model, 'name', type(model).__name__)} (Keras model)"
    if not callable(getattr(model, "save", None)):
        raise SourceError(f"A {type(model).__name__} is not a Keras model: give a keras.Model, a .keras or a .h5 file.")
    folder = tempfile.mkdtemp(prefix="edgequant-")
    path = Path(folder, "model.keras")
    source = TensorFlowSource("keras", path, description, sample, input_shapes)
    weakref.finalize(source, shutil.rmtree, folder, ignore_errors=True)
    try:
        model.save(path)
    except Exception as error:  # whatever the layers' own get_config raises
        raise SourceError(
            f"{description} cannot be saved ({reason(error)}): write model.export('folder') and convert that folder."
        ) from error
    return source


def _check_file(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.") from error
    mark, kind = _MARKS[".keras" if path.suffix.lower() == ".keras" else ".h5"]
    if not start:
        raise SourceError(f"{path.name} is empty: give a Keras model.")
    if not start.startswith(mark):
        raise SourceError(f"{path.name} is not {kind}: save the network with model.save('net.keras').")
