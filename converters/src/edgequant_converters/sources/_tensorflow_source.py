"""Keras models and SavedModel folders as sources: both go through the TensorFlow worker."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from edgequant_converters._names import readable_names
from edgequant_converters._onnx_write import save_onnx
from edgequant_converters.tflite import normalise, read_model, rename_io, write_model

from ._onnx_names import rename_onnx_io
from ._onnx_order import settle
from ._self_check import check_hub
from ._tensorflow import run_tensorflow


@dataclass
class TensorFlowSource:
    """A network that TensorFlow reads. `kind` is the worker's word for it: "keras" or "saved_model"."""

    kind: str
    path: Path
    description: str

    def write_litert(self, path: Path) -> None:
        """Write the network as a float32 .tflite with a batch of 1; raises SourceError or UnsupportedError."""
        with self._converted("litert") as result:
            model = read_model(result.hub)
            normalise(model)
            rename_io(model, result.input_names, result.output_names)
            write_model(model, path)
            result.check(path, self.description)

    def write_onnx(self, path: Path) -> None:
        """Write the network as a float32 .onnx with a batch of 1, in its own layout; raises as write_litert does."""
        with self._converted("onnx") as result:
            model = onnx.load(result.hub)
            rename_onnx_io(model, result.input_names, result.output_names)
            settle(model)
            save_onnx(model, path)
            result.check(path, self.description)

    @contextmanager
    def _converted(self, target: str) -> Iterator["_Converted"]:
        with tempfile.TemporaryDirectory(prefix="edgequant-") as folder:
            hub, samples = Path(folder, "hub"), Path(folder, "samples.npz")
            request = {"kind": self.kind, "path": str(self.path.absolute()), "description": self.description}
            request |= {"target": target, "output": str(hub), "samples": str(samples)}
            names = run_tensorflow(request)
            with np.load(samples) as arrays:
                yield _Converted(
                    hub=hub,
                    input_names=readable_names(names["inputs"], "input"),
                    output_names=readable_names(names["outputs"], "output"),
                    arrays=dict(arrays),
                )


@dataclass(frozen=True)
class _Converted:
    """What the worker made: the hub, and what the network itself computed on seeded inputs."""

    hub: Path
    input_names: list[str]
    output_names: list[str]
    arrays: dict[str, NDArray[Any]]

    def check(self, path: Path, description: str) -> None:
        inputs = {name: self.arrays[f"input_{number}"] for number, name in enumerate(self.input_names)}
        expected = [self.arrays[f"output_{number}"] for number in range(len(self.output_names))]
        check_hub(path, inputs, expected, description)
