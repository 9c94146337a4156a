"""Float .tflite files as a source."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
from edgequant_runtime import TensorInfo
from numpy.typing import NDArray

from edgequant_converters._evaluate import open_model, zeros
from edgequant_converters._onnx_write import save_onnx
from edgequant_converters.calibration import SampleFor, no_sample
from edgequant_converters.tflite import normalise, read_model, refuse_damaged, refuse_quantized, write_model

from ._onnx_names import rename_onnx_io
from ._onnx_order import settle
from ._self_check import check_hub, seeded_inputs
from ._tensorflow import TensorFlowProcess


class TfliteSource:
    """A float .tflite file, read and checked at once and brought into the form that the quantizer expects."""

    def __init__(self, path: str | os.PathLike[str], sample: SampleFor = no_sample) -> None:
        name = Path(path).name
        self.description = f"{name} (LiteRT)"
        self._original, self._sample = Path(path), sample
        self._model = read_model(path)
        refuse_damaged(path)
        refuse_quantized(self._model, name)
        with tempfile.TemporaryDirectory(prefix="edgequant-") as folder:
            # What was read is tried, not the file: LiteRT then sees no byte that the flatbuffer reader did not accept.
            copy = Path(folder, name)
            write_model(self._model, copy)
            _try_out(copy)
        normalise(self._model)

    def write_litert(self, path: Path) -> None:
        """Write the normalised model and compare it with the file as it was given; raises SourceError."""
        write_model(self._model, path)
        inputs = self._inputs(path)
        original = open_model(self._original)
        theirs = dict(zip((spec.name for spec in original.inputs), inputs.values(), strict=True))
        check_hub(path, inputs, original.run(theirs), self.description)

    def write_onnx(self, path: Path) -> None:
        """Write the model as a float32 .onnx by tf2onnx (which needs TensorFlow); raises SourceError as well."""
        with tempfile.TemporaryDirectory(prefix="edgequant-") as folder:
            litert, raw = Path(folder, "model.tflite"), Path(folder, "model.onnx")
            write_model(self._model, litert)
            with TensorFlowProcess(self.description) as process:
                process.ask({"do": "write tflite", "path": str(litert), "output": str(raw)})
            reference = open_model(litert)
            model = onnx.load(raw)
            rename_onnx_io(model, _names(reference.inputs), _names(reference.outputs))
            settle(model)
            save_onnx(model, path)
            inputs = self._inputs(litert)
            check_hub(path, inputs, reference.run(inputs), self.description)

    def _inputs(self, path: Path) -> Mapping[str, NDArray[Any]]:
        infos = open_model(path).inputs
        return self._sample(infos) or seeded_inputs(zeros(infos))


def _try_out(path: Path) -> None:
    """Run the model once; raises SourceError if LiteRT cannot, or dies of it."""
    model = open_model(path)
    model.run(zeros(model.inputs))


def _names(specs: tuple[TensorInfo, ...]) -> list[str]:
    return [spec.name for spec in specs]
