"""Keras models and SavedModel folders as sources: both go through the TensorFlow worker."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from edgequant_runtime import TensorInfo
from numpy.typing import NDArray

from edgequant_converters._errors import ConverterError, SourceError, UnsupportedError
from edgequant_converters._names import readable_names
from edgequant_converters._onnx_write import save_onnx
from edgequant_converters.calibration import SampleFor, no_sample
from edgequant_converters.tflite import normalise, read_model, rename_io, write_model

from ._case import Arrays, Case, NotFiniteError, finite_case
from ._input_shapes import given_shapes
from ._onnx_litert import write_onnx_as_litert
from ._onnx_names import rename_onnx_io
from ._onnx_order import settle
from ._recurrent_litert import with_recurrent_operators
from ._self_check import check_hub
from ._tensorflow import TensorFlowProcess


@dataclass
class TensorFlowSource:
    """A network that TensorFlow reads. `kind` is the worker's word for it: "keras" or "saved_model"."""

    kind: str
    path: Path
    description: str
    sample: SampleFor = no_sample
    input_shapes: Sequence[str] = ()

    def write_litert(self, path: Path) -> float:
        """Write the network as a float32 .tflite with a batch of 1; raises SourceError or UnsupportedError."""
        with self._converted("litert") as result:
            if result.lacking is None:
                _finish_litert(result, path)
            else:
                _write_by_onnx(result, path)
            return check_hub(path, *result.case, self.description)

    def write_onnx(self, path: Path) -> float:
        """Write the network as a float32 .onnx with a batch of 1, in its own layout; raises as write_litert does."""
        with self._converted("onnx") as result:
            model = onnx.load(result.hub)
            rename_onnx_io(model, result.input_names, result.output_names)
            settle(model)
            save_onnx(model, path)
            return check_hub(path, *result.case, self.description)

    @contextmanager
    def _converted(self, target: str) -> Iterator["_Converted"]:
        with tempfile.TemporaryDirectory(prefix="edgequant-") as folder:
            hub = Path(folder, "hub")
            with TensorFlowProcess(self.description) as process:
                loaded, _ = process.ask({"do": "load", "kind": self.kind, "path": str(self.path.absolute())})
                names = readable_names([name for name, _, _ in loaded["inputs"]], "input")
                infos = [
                    TensorInfo(name, tuple(shape), np.dtype(dtype))
                    for name, (_, shape, dtype) in zip(names, loaded["inputs"], strict=True)
                ]
                infos, sampled = self._fixed(infos)
                process.ask({"do": "trace", "shapes": [info.shape for info in infos]})
                try:
                    case = self._case(process, infos, sampled)
                except NotFiniteError:
                    _write(process, target, hub)  # that the target lacks an operator is told first: data would not help
                    raise
                lacking = _write(process, target, hub)
            yield _Converted(hub, names, readable_names(loaded["outputs"], "output"), case, lacking)

    def _fixed(self, infos: list[TensorInfo]) -> tuple[list[TensorInfo], Mapping[str, NDArray[Any]] | None]:
        """Return the inputs with a size for each axis, as given, or as the data's, which is returned too."""
        sizes = {info.name: [None if size < 0 else size for size in info.shape] for info in infos}
        given = given_shapes(self.input_shapes, sizes, self.description)
        infos = [info._replace(shape=given.get(info.name, info.shape)) for info in infos]
        sampled = self.sample(infos)
        fixed = []
        for info in infos:
            shape = info.shape if sampled is None else sampled[info.name].shape
            if any(size < 0 for size in shape[1:]):
                example = ",".join("1" if size < 0 else str(size) for size in shape)
                raise SourceError(
                    f"{self.description}: input '{info.name}' has free sizes beyond the batch, {_with_none(shape)}: "
                    f"give calibration data, whose sizes are then taken, or the shape, as --input-shape "
                    f"{info.name}={example}."
                )
            fixed.append(info._replace(shape=tuple(max(size, 1) for size in shape) if shape else ()))
        return fixed, sampled

    def _case(
        self, process: TensorFlowProcess, infos: list[TensorInfo], sampled: Mapping[str, NDArray[Any]] | None
    ) -> Case:
        def run(inputs: Arrays) -> list[NDArray[Any]]:
            _, outputs = process.ask({"do": "run", "random": sampled is None}, [inputs[info.name] for info in infos])
            return outputs

        return finite_case(infos, sampled, run, self.description)


def _with_none(shape: Sequence[int]) -> tuple[int | None, ...]:
    return tuple(None if size < 0 else size for size in shape)


@dataclass(frozen=True)
class _Converted:
    """What the worker made: the hub, and what the network itself computes of which inputs."""

    hub: Path
    input_names: list[str]
    output_names: list[str]
    case: Case
    lacking: UnsupportedError | None
    """Why the hub is .onnx though it is for LiteRT: what TensorFlow's own converter cannot write."""


def _write(process: TensorFlowProcess, target: str, hub: Path) -> UnsupportedError | None:
    """Write the hub; what TensorFlow's converter cannot write goes through ONNX, of which more becomes LiteRT."""
    write = {"do": "write", "target": target, "output": str(hub)}
    try:
        process.ask(write)
    except UnsupportedError as lacking:
        if target != "litert":
            raise
        try:
            process.ask({**write, "target": "onnx"})
        except ConverterError:
            raise lacking from None
        return lacking
    return None


def _finish_litert(made: _Converted, path: Path) -> None:
    model = read_model(made.hub)
    normalise(model)
    model = with_recurrent_operators(model)
    rename_io(model, made.input_names, made.output_names)
    write_model(model, path)


def _write_by_onnx(made: _Converted, path: Path) -> None:
    """Write what only ONNX could say as operators of LiteRT's; raises what TensorFlow said if there are none."""
    model = onnx.load(made.hub)
    rename_onnx_io(model, made.input_names, made.output_names)
    inputs, _ = made.case
    try:
        write_onnx_as_litert(model, inputs, [False] * len(inputs), path)
    except UnsupportedError:
        assert made.lacking is not None
        raise made.lacking from None
