"""An .onnx file as a source."""

import tempfile
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from edgequant_runtime import TensorInfo
from numpy.typing import NDArray

from edgequant_converters._errors import SourceError, UnsupportedError
from edgequant_converters._evaluate import open_model
from edgequant_converters._metrics import IDENTICAL_DB
from edgequant_converters._onnx_write import save_onnx
from edgequant_converters._request import Ranges
from edgequant_converters.calibration import SampleFor, no_sample

from ._case import Arrays, Case, finite_case
from ._decided_branches import take_decided_branches
from ._input_shapes import given_shapes
from ._input_values import fix_values
from ._layout import check_layout, to_nchw, to_nhwc
from ._onnx_file import graph_inputs, load_onnx, shape_of
from ._onnx_litert import write_onnx_as_litert
from ._onnx_normalise import describe_outputs, normalised
from ._onnx_quantized import DEQUANTIZABLE, Dequantized, dequantized
from ._onnx_short_floats import has_short_floats, widen_short_floats
from ._onnx_versions import is_too_new, lowered
from ._self_check import agreement, check_hub


class OnnxSource:
    """A float ONNX graph; it is read and checked at once."""

    def __init__(
        self,
        path: Path,
        input_layout: str = "nchw",
        sample: SampleFor = no_sample,
        input_shapes: Sequence[str] = (),
        *,
        input_values: Sequence[str] = (),
        name: str | None = None,
    ) -> None:
        check_layout(input_layout)
        self._name = name or path.name  # what the user knows it by
        self.description = f"{self._name} (ONNX)"
        self._path, self._sample = path, sample
        model = load_onnx(path)
        self._rewritten = is_too_new(model)
        self._model = lowered(model, self._name) if self._rewritten else model
        self.ranges: Ranges = {}
        self.notes: tuple[str, ...] = ()
        self._quantized = self._in_float()
        if input_shapes:
            _fix_sizes(self._model, input_shapes, self.description)
            self._rewritten = True
        if input_values:
            if self._quantized is not None:
                raise UnsupportedError(f"{self._name} is quantized: --input-value is for float graphs.")
            fix_values(self._model, input_values, self.description)
            take_decided_branches(self._model)
            self._rewritten = True
        self._inputs = graph_inputs(self._model)
        shapes = [shape_of(value) for value in self._inputs]
        self._permuted = [input_layout == "nhwc" and len(shape) == 4 for shape in shapes]

    def write_litert(self, path: Path) -> float:
        """Write the graph as a float32 .tflite with a batch of 1 where it is free, and the data's other sizes."""
        if self._sampled is None:
            self._refuse_free_sizes()
        examples, _ = self._case
        self.ranges = write_onnx_as_litert(self._model, examples, self._permuted, path, self._quantized)
        return min(self._check(path), self._note_loss())

    def write_onnx(self, path: Path) -> float:
        """Write the graph with a newer opset, inferred shapes and all weights inside; a free batch stays free."""
        channels_last = frozenset(value.name for value, permuted in self._permutations() if permuted)
        model, (_, outputs) = normalised(self._model, channels_last), self._case
        describe_outputs(model, outputs)
        save_onnx(model, path)
        return min(self._check(path), self._note_loss())

    def beside(self, written: Path) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
        """Return the outputs of the quantized file and of what was written of it, real numbers, on one input."""
        inputs, _ = self._case
        given = list(inputs.values())
        model = open_model(written)
        pairs = zip(given, self._permuted, strict=True)
        turned = [to_nhwc(value) if permuted else value for value, permuted in pairs]
        return open_model(self._path).run_real(given), model.run_real(turned)

    def _in_float(self) -> Dequantized | None:
        """Take a quantized graph for what its integers stand for, and return what they reach; None: it is float."""
        is_short = has_short_floats(self._model)
        if not is_short and not any(node.op_type in DEQUANTIZABLE for node in self._model.graph.node):
            return None
        found = dequantized(self._model, self._name)
        if is_short:
            widen_short_floats(found.model)
        self._model, self._rewritten = found.model, True
        return found

    def _note_loss(self) -> float:
        """Say how far the float graph is from the quantized file that it was made of."""
        if self._quantized is None:
            return IDENTICAL_DB
        inputs, expected = self._case
        theirs = open_model(self._path).run_real(list(inputs.values()))
        lowest, found = agreement([value.name for value in self._model.graph.output], theirs, expected)
        self.notes = (f"{self._name} is in fewer bits already. {found}",)
        return lowest

    def _refuse_free_sizes(self) -> None:
        free = [value for value in self._inputs if None in shape_of(value)[1:]]
        if not free:
            return
        axes = " and ".join(f"axis {shape_of(v).index(None, 1)} of the input '{v.name}'" for v in free)
        asked = " ".join(f"--input-shape {v.name}={','.join(_asked(v, self._batches))}" for v in free)
        raise UnsupportedError(
            f"{self._name}: {axes} {'has' if len(free) == 1 else 'have'} a free size, which a LiteRT model cannot "
            "have: give calibration data, whose sizes it then takes, or the shape with a number for each ?, as "
            f"{asked}."
        )

    @property
    def _batches(self) -> set[str]:
        """Return what the graph calls the free first axes of its inputs."""
        dims = [list(value.type.tensor_type.shape.dim) for value in self._inputs]
        return {shape[0].dim_param for shape in dims if shape and shape[0].dim_param}

    def _check(self, path: Path) -> float:
        examples, expected = self._case
        pairs = zip(examples.items(), self._permuted, strict=True)
        hub_inputs = {name: to_nhwc(value) if permuted else value for (name, value), permuted in pairs}
        return check_hub(path, hub_inputs, expected, self.description)

    @cached_property
    def _case(self) -> Case:
        """Return inputs on which the outputs are finite, from the data or else seeded, and the file's own outputs."""
        with self._readable() as path:
            reference = open_model(path)

        def run(inputs: Arrays) -> list[NDArray[Any]]:
            try:
                return reference.run(inputs)
            except SourceError as error:
                if self._sampled is not None:
                    raise
                raise SourceError(self._refusal_of_random_inputs(inputs, error)) from error

        return finite_case([_info(value, False) for value in self._inputs], self._sampled, run, self._name)

    def _refusal_of_random_inputs(self, inputs: Arrays, error: Exception) -> str:
        shapes = ", ".join(f"'{name}' {value.shape}" for name, value in inputs.items())
        return (
            f"{self._name} does not run on random inputs ({shapes}), so no conversion can be checked: give "
            f"calibration data, whose sizes are taken too where the model leaves them free. {_engines_words(error)}"
        )

    @contextmanager
    def _readable(self) -> Iterator[Path]:
        """Give the file as it is, or what was made of it: an older form for ONNX Runtime, one with fixed sizes."""
        if not self._rewritten:
            yield self._path
            return
        with tempfile.TemporaryDirectory(prefix="edgequant-") as folder:
            older = Path(folder, self._path.name)
            save_onnx(self._model, older)
            yield older

    @cached_property
    def _sampled(self) -> Arrays | None:
        """Inputs from the user's data, in the graph's own layout."""
        sampled = self._sample([_info(value, permuted) for value, permuted in self._permutations()])
        if sampled is None:
            return None
        pairs = ((value.name, permuted) for value, permuted in self._permutations())
        return {name: to_nchw(sampled[name]) if permuted else sampled[name] for name, permuted in pairs}

    def _permutations(self) -> Iterator[tuple[onnx.ValueInfoProto, bool]]:
        return zip(self._inputs, self._permuted, strict=True)


def _asked(value: onnx.ValueInfoProto, batches: Set[str]) -> list[str]:
    """Return a shape as the user is asked for it: a free batch is 1, every other free size a question mark."""
    dims = value.type.tensor_type.shape.dim
    return [
        str(size) if size is not None else "1" if axis == 0 or dims[axis].dim_param in batches else "?"
        for axis, size in enumerate(shape_of(value))
    ]


def _fix_sizes(model: onnx.ModelProto, texts: Sequence[str], description: str) -> None:
    """Give inputs the shapes in the texts, and sizes of the same symbol in other inputs too."""
    inputs = {value.name: value for value in graph_inputs(model)}
    shapes = given_shapes(texts, {name: shape_of(value) for name, value in inputs.items()}, description)
    named: dict[str, int] = {}
    for name, shape in shapes.items():
        for dim, size in zip(inputs[name].type.tensor_type.shape.dim, shape, strict=True):
            if dim.dim_param:
                named.setdefault(dim.dim_param, size)
            dim.dim_value = size
    for value in inputs.values():
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in named:
                dim.dim_value = named[dim.dim_param]
    for value in [*model.graph.output, *model.graph.value_info]:  # what they say of free sizes holds no more
        value.type.tensor_type.ClearField("shape")


def _info(value: onnx.ValueInfoProto, permuted: bool) -> TensorInfo:
    """Describe an input as the data has it: free sizes are -1, and a permuted input is NHWC."""
    shape = [-1 if size is None else size for size in shape_of(value)]
    dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type))
    return TensorInfo(value.name, tuple(shape[i] for i in (0, 2, 3, 1)) if permuted else tuple(shape), dtype)


def _engines_words(error: Exception) -> str:
    """Return what the engine said, without what this package put before it."""
    return str(error.__cause__ or error)
