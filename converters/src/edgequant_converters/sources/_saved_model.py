"""SavedModel folders as a source."""

import os
from collections.abc import Sequence
from pathlib import Path

from edgequant_converters._errors import SourceError
from edgequant_converters.calibration import SampleFor, no_sample

from ._tensorflow_source import TensorFlowSource


def saved_model_source(
    folder: str | os.PathLike[str], sample: SampleFor = no_sample, input_shapes: Sequence[str] = ()
) -> TensorFlowSource:
    """Return a SavedModel folder as a source; raises SourceError if it is none."""
    path = Path(folder)
    if not path.is_dir():
        raise SourceError(f"{path} is not a folder: give the SavedModel folder that holds saved_model.pb.")
    graph = path / "saved_model.pb"
    if not graph.is_file():
        raise SourceError(f"{path} holds no saved_model.pb: give a folder written by model.export() or tf.saved_model.")
    if not graph.stat().st_size:
        raise SourceError(f"{graph} is empty: copy the SavedModel folder again.")
    return TensorFlowSource("saved_model", path, f"{path.name} (SavedModel)", sample, input_shapes)
