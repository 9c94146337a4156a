"""An .onnx file as a source."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from edgequant_converters._errors import SourceError, UnsupportedError
from edgequant_converters._evaluate import open_model
from edgequant_converters._onnx_write import save_onnx
from edgequant_converters._reason import reason

from ._extras import require_torch
from ._layout import check_layout, to_nhwc
from ._onnx_file import graph_inputs, load_onnx, shape_of
from ._onnx_normalise import normalised
from ._onnx_versions import is_too_new, lowered
from ._self_check import check_hub

Arrays = dict[str, NDArray[Any]]

_FREE_SIZES = {4: 32}
_FREE_SIZE = 8


class OnnxSource:
    """A float ONNX graph; it is read and checked at once."""

    def __init__(self, path: Path, input_layout: str = "nchw") -> None:
        check_layout(input_layout)
        self.description = f"{path.name} (ONNX)"
        self._path = path
        model = load_onnx(path)
        self._rewritten = is_too_new(model)
        self._model = lowered(model, path.name) if self._rewritten else model
        self._inputs = graph_inputs(self._model)
        shapes = [shape_of(value) for value in self._inputs]
        self._permuted = [input_layout == "nhwc" and len(shape) == 4 for shape in shapes]

    def write_litert(self, path: Path) -> None:
        """Write the graph as a float32 .tflite with a batch of 1 where it is free."""
        require_torch("to write a LiteRT model from ONNX")
        self._refuse_free_sizes()
        from ._onnx_litert import write_onnx_as_litert

        examples, _ = self._case
        write_onnx_as_litert(self._model, examples, self._permuted, path, self.description)
        self._check(path)

    def write_onnx(self, path: Path) -> None:
        """Write the graph with a newer opset, inferred shapes and all weights inside; a free batch stays free."""
        pairs = zip(self._inputs, self._permuted, strict=True)
        channels_last = frozenset(value.name for value, permuted in pairs if permuted)
        save_onnx(normalised(self._model, channels_last), path)
        self._check(path)

    def _refuse_free_sizes(self) -> None:
        for value in self._inputs:
            if None in shape_of(value)[1:]:
                axis = shape_of(value).index(None, 1)
                raise UnsupportedError(
                    f"{self._path.name}: axis {axis} of the input '{value.name}' has a free size, which a LiteRT model "
                    "cannot have; fix it with python -m onnxruntime.tools.make_dynamic_shape_fixed."
                )

    def _check(self, path: Path) -> None:
        examples, expected = self._case
        pairs = zip(examples.items(), self._permuted, strict=True)
        hub_inputs = {name: to_nhwc(value) if permuted else value for (name, value), permuted in pairs}
        check_hub(path, hub_inputs, expected, self.description)

    @cached_property
    def _case(self) -> tuple[Arrays, list[NDArray[Any]]]:
        """Return seeded inputs on which the outputs are finite, and the outputs of the file as it is."""
        with self._readable() as path:
            reference = open_model(path)
        for positive in (False, True):
            inputs = {value.name: _example(value, seed, positive) for seed, value in enumerate(self._inputs)}
            outputs = self._run(reference, inputs)
            if all(np.isfinite(output).all() for output in outputs):
                return inputs, outputs
        raise SourceError(f"{self._path.name} gives NaN or infinity on random inputs, so no conversion can be checked.")

    @contextmanager
    def _readable(self) -> Iterator[Path]:
        """Give the file as it is, or, if it is too new for ONNX Runtime, its older form."""
        if not self._rewritten:
            yield self._path
            return
        with tempfile.TemporaryDirectory(prefix="edgequant-") as folder:
            older = Path(folder, self._path.name)
            save_onnx(self._model, older)
            yield older

    def _run(self, reference: Any, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        try:
            outputs: list[NDArray[Any]] = reference.run(inputs)
        except Exception as error:  # onnxruntime's own classes
            raise SourceError(f"{self._path.name} does not run in ONNX Runtime: {reason(error)}.") from error
        return outputs


def _example(value: onnx.ValueInfoProto, seed: int, positive: bool) -> NDArray[Any]:
    """Return a random input: floats normal (or uniform in 0..1), integers 0 or 1, free sizes small."""
    sizes = shape_of(value)
    free = _FREE_SIZES.get(len(sizes), _FREE_SIZE)
    shape = [size or (1 if axis == 0 else free) for axis, size in enumerate(sizes)]
    dtype = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
    generator = np.random.default_rng(seed)
    if np.issubdtype(dtype, np.floating):
        return np.asarray(generator.uniform(size=shape) if positive else generator.normal(size=shape)).astype(dtype)
    return generator.integers(0, 2, shape).astype(dtype)
