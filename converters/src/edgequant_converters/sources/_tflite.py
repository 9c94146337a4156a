"""A .tflite file as a source: float as it is, anything else widened to float."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from edgequant_runtime import TensorInfo
from numpy.typing import NDArray

from edgequant_converters._errors import SourceError, UnsupportedError
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
    type_name,
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
        self.description = f"{Path(path).name} (LiteRT)"
        self._original, self._sample = Path(path), sample
        self._model = read_model(path)
        refuse_damaged(path)
        inputs = _Inputs(self._model)
        given = inputs.named(input_shapes, self.description) if input_shapes else {}
        if not given and inputs.is_free:
            try:
                self._try_out()
            except SourceError as error:
                given = inputs.sampled(sample, self.description, error)
        self._shapes = inputs.fix(given) if given else None
        self._try_out()
        normalise(self._model, sizes_given=bool(given))
        self.ranges: Ranges = {}
        self.notes: tuple[str, ...] = ()
        self._tried: list[NDArray[Any]] = []
        self._parts = quantized_parts(self._model)
        if self._parts:
            self._model, self.ranges = _widened(self._model)

    def _try_out(self) -> None:
        """Run the model once; raises SourceError if LiteRT cannot, or dies of it.

        What was read is tried, not the file: LiteRT then sees no byte that the flatbuffer reader did not accept.
        """
        with tempfile.TemporaryDirectory(prefix="edgequant-") as folder:
            copy = Path(folder, self._original.name)
            write_model(self._model, copy)
            model = open_model(copy)
            model.run(zeros(model.inputs))

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


class _Inputs:
    """The inputs of a model and the sizes that it leaves free."""

    def __init__(self, model: ModelT) -> None:
        graph = model.subgraphs[0]
        self._tensors = [graph.tensors[index] for index in graph.inputs]
        raw = [(tensor.name or b"").decode("utf-8", "replace") for tensor in self._tensors]  # scrambled files have none
        signed = io_names(model, "inputs")
        self._own, self._names = signed or raw, signed or readable_names(raw, "input")
        free = [tensor.shape if tensor.shapeSignature is None else tensor.shapeSignature for tensor in self._tensors]
        self._sizes = [[None if size < 0 else int(size) for size in shape] for shape in free]

    @property
    def is_free(self) -> bool:
        """Tell whether an input leaves more than its batch free."""
        return any(None in sizes[1:] for sizes in self._sizes)

    def named(self, texts: Sequence[str], description: str) -> dict[str, tuple[int, ...]]:
        """Return the shapes that texts give, by the names that the written model has; raises SourceError."""
        return given_shapes(texts, dict(zip(self._names, self._sizes, strict=True)), description)

    def sampled(self, sample: SampleFor, description: str, refusal: SourceError) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the user's data for a model whose free sizes cannot be 1: `refusal` says so.

        Raises UnsupportedError if there is no data, and the refusal itself where sizes cannot be what it is about.
        """
        try:
            types = [np.dtype(type_name(tensor.type).lower()) for tensor in self._tensors]
        except TypeError:  # numpy has nothing like it
            raise refusal from None
        shapes = [tuple(-1 if size is None else size for size in sizes) for sizes in self._sizes]
        found = sample([TensorInfo(*info) for info in zip(self._names, shapes, types, strict=True)])
        if found is not None:
            return {name: found[name].shape for name in self._names}
        asked = [
            f"--input-shape {name}={','.join(str(size or '?') if axis else '1' for axis, size in enumerate(sizes))}"
            for name, sizes in zip(self._names, self._sizes, strict=True)
            if None in sizes[1:]
        ]
        raise UnsupportedError(
            f"{description} leaves sizes free, and does not run with 1 for each of them: give calibration data, whose "
            f"sizes it then takes, or the shape with a number for each ?, as {' '.join(asked)}. {refusal}"
        ) from refusal

    def fix(self, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
        """Give inputs these shapes; return them by the names that a session has for the inputs of the file as it is."""
        for name, tensor in zip(self._names, self._tensors, strict=True):
            if name in shapes:
                tensor.shape, tensor.shapeSignature = list(shapes[name]), None
        return {own: shapes[name] for own, name in zip(self._own, self._names, strict=True) if name in shapes}


def _widened(model: ModelT) -> tuple[ModelT, Ranges]:
    network = read_ir(model)
    known = widen(network)
    names = written_names(network)
    return read_model(write_ir(network)), {names[tensor]: limits for tensor, limits in known.items() if tensor in names}
