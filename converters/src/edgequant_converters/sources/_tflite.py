"""A .tflite file as a source: float as it is, anything else widened to float."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgequant_runtime import TensorInfo
from numpy.typing import NDArray

from edgequant_converters._evaluate import open_model, zeros
from edgequant_converters._measure import noise_samples
from edgequant_converters._names import readable_names
from edgequant_converters._onnx_write import save_onnx
from edgequant_converters._request import Ranges
from edgequant_converters.calibration import SampleFor, no_sample
from edgequant_converters.ir import read_ir, write_ir, written_names
from edgequant_converters.onnx_export import export_onnx
from edgequant_converters.passes import widen
from edgequant_converters.tflite import (
    ModelT,
    io_names,
    normalise,
    quantized_parts,
    read_model,
    refuse_damaged,
    write_model,
)

from ._input_shapes import given_shapes
from ._self_check import agreement, check_hub, seeded_inputs


class TfliteSource:
    """A .tflite file, read and checked at once and brought into the form that the quantizer expects.

    A quantized file becomes a float model of what its integers stand for, and tells the ranges that they reach.
    """

    def __init__(
        self, path: str | os.PathLike[str], sample: SampleFor = no_sample, input_shapes: Sequence[str] = ()
    ) -> None:
        name = Path(path).name
        self.description = f"{name} (LiteRT)"
        self._original, self._sample = Path(path), sample
        self._model = read_model(path)
        refuse_damaged(path)
        self._shapes = _fix_sizes(self._model, input_shapes, self.description) if input_shapes else None
        with tempfile.TemporaryDirectory(prefix="edgequant-") as folder:
            # What was read is tried, not the file: LiteRT then sees no byte that the flatbuffer reader did not accept.
            copy = Path(folder, name)
            write_model(self._model, copy)
            _try_out(copy)
        normalise(self._model)
        self.ranges: Ranges = {}
        self.notes: tuple[str, ...] = ()
        self._tried: list[NDArray[Any]] = []
        self._parts = quantized_parts(self._model)
        if self._parts:
            self._model, self.ranges = _widened(self._model)

    def write_litert(self, path: Path) -> float:
        """Write the normalised model and compare it with the file as it was given; raises SourceError."""
        write_model(self._model, path)
        return self._compare(path)

    def write_onnx(self, path: Path) -> float:
        """Write the model as a float32 .onnx, images channels last; raises UnsupportedError for what ONNX lacks."""
        save_onnx(export_onnx(read_ir(self._model)), path)
        found = self._compare(path)
        if self._parts:  # which says how far the widened file is from the integers, and not that ONNX is as it is
            with tempfile.TemporaryDirectory(prefix="edgequant-") as folder:
                widened = Path(folder, self._original.name)
                write_model(self._model, widened)
                named = dict(zip((spec.name for spec in open_model(path).inputs), self._tried, strict=True))
                check_hub(path, named, open_model(widened).run_real(self._tried), self.description)
        return found

    def beside(self, written: Path) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
        """Return the outputs of the quantized file and of what was written of it, real numbers, on one input."""
        return open_model(self._original, self._shapes).run_real(self._tried), open_model(written).run_real(self._tried)

    def _compare(self, hub: Path) -> float:
        """Compare the hub with the file as it was given; raises SourceError if a float file differs from its hub."""
        written = open_model(hub)
        inputs = self._sample(written.inputs) or self._seeded(written.inputs)
        self._tried = [inputs[spec.name] for spec in written.inputs]
        if not self._parts:
            expected = open_model(self._original, self._shapes).run_real(self._tried)
            return check_hub(hub, inputs, expected, self.description)
        lowest, found = agreement([spec.name for spec in written.outputs], *self.beside(hub))
        self.notes = (f"{self._original.name} is quantized already ({', '.join(self._parts)}). {found}",)
        return lowest

    def _seeded(self, inputs: Sequence[TensorInfo]) -> Mapping[str, NDArray[Any]]:
        """Return random inputs, of a quantized file in the range that its integers have."""
        if not self._parts:
            return seeded_inputs(zeros(inputs))
        limits = [self.ranges.get(tensor.name) for tensor in read_ir(self._model).main.inputs]
        return noise_samples(inputs, limits, 1)[0]


def _fix_sizes(model: ModelT, texts: Sequence[str], description: str) -> dict[str, tuple[int, ...]]:
    """Give the inputs these shapes; what an engine makes of them further on it computes itself.

    They are returned by the names that a session has for the inputs of the file as it is.
    """
    graph = model.subgraphs[0]
    tensors = [graph.tensors[index] for index in graph.inputs]
    given = [tensor.name.decode("utf-8", "replace") for tensor in tensors]
    names = io_names(model, "inputs") or readable_names(given, "input")
    free = [tensor.shape if tensor.shapeSignature is None else tensor.shapeSignature for tensor in tensors]
    sizes = {name: [None if size < 0 else int(size) for size in shape] for name, shape in zip(names, free, strict=True)}
    shapes = given_shapes(texts, sizes, description)
    for name, tensor in zip(names, tensors, strict=True):
        if name in shapes:
            tensor.shape, tensor.shapeSignature = list(shapes[name]), None
    own = io_names(model, "inputs") or given
    return {raw: shapes[name] for raw, name in zip(own, names, strict=True) if name in shapes}


def _try_out(path: Path) -> None:
    """Run the model once; raises SourceError if LiteRT cannot, or dies of it."""
    model = open_model(path)
    model.run(zeros(model.inputs))


def _widened(model: ModelT) -> tuple[ModelT, Ranges]:
    network = read_ir(model)
    known = widen(network)
    names = written_names(network)
    return read_model(write_ir(network)), {names[tensor]: limits for tensor, limits in known.items() if tensor in names}
