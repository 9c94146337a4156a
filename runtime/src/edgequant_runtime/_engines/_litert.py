"""LiteRT: the interpreter of the `ai-edge-litert` wheel, or of `tflite-runtime` where that is what is installed.

Its default kernels (XNNPACK) are used. The model file is mapped into memory. A damaged one is refused before LiteRT
sees it, which may crash or never end on it, whatever the wheel verifies.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.metadata import version as distribution_version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgequant_runtime._errors import EngineError, ModelError, SessionError
from edgequant_runtime._model_file import ModelFile, at_start
from edgequant_runtime._shapes import first_shapes, free_size_hint
from edgequant_runtime._signatures import begins_anew
from edgequant_runtime._stderr import without_chatter
from edgequant_runtime._tensor_info import TensorInfo

from ._array_engine import ArrayEngine
from ._base import LentMemory, first_line
from ._litert_graph import graph_of
from ._native import check_structure
from ._wheels import how_to_install, this_machine

if TYPE_CHECKING:
    from edgequant_runtime._shapes import InputShapes

# Operators that keep state where reset_all_variables() does not reach, or that run a graph which may.
_KEEPS_RESOURCES = {"VAR_HANDLE", "CALL_ONCE", "IF", "WHILE"}

_DISTRIBUTIONS = {"ai_edge_litert": "ai-edge-litert", "tflite_runtime": "tflite-runtime"}


def version() -> str:
    """Return the installed distribution and its version."""
    distribution = _DISTRIBUTIONS[_interpreter_module().__name__.partition(".")[0]]
    return f"{distribution} {distribution_version(distribution)}"


def open_model(file: ModelFile, threads: int, input_shapes: InputShapes | None = None) -> LitertEngine:
    """Open a .tflite model; raises EngineError without the wheel, ModelError if LiteRT refuses the model."""
    return LitertEngine(file, threads, input_shapes)


def _interpreter_module() -> Any:
    for package in _DISTRIBUTIONS:
        try:
            return import_module(f"{package}.interpreter")
        except ModuleNotFoundError as error:
            if error.name != package:
                raise EngineError(f"The engine 'litert' is installed but broken: {first_line(error)}.") from error
        except ImportError as error:
            raise EngineError(f"The engine 'litert' is installed but broken: {first_line(error)}.") from error
    raise EngineError(f"The engine 'litert' is not installed: {how_to_install('litert', this_machine())}.")


class LitertEngine(ArrayEngine):
    """One LiteRT interpreter, run on its primary subgraph or on that of the file's `signature`.

    `keeps_all`: no tensor takes another's memory, so that `inner` shows it after a run; `delegates`: XNNPACK is used.
    """

    def __init__(
        self,
        file: ModelFile,
        threads: int,
        input_shapes: InputShapes | None = None,
        *,
        keeps_all: bool = False,
        delegates: bool = True,
    ) -> None:
        self._file, self._threads, self._input_shapes = file, threads, input_shapes
        self._keeps_all, self._delegates = keeps_all, delegates
        # Memory that is lent out: the interpreter moves it when shapes change, so nobody may hold it then.
        self._lent: weakref.WeakSet[LentMemory] = weakref.WeakSet()
        self._open(None)

    def _open(self, shapes: Sequence[tuple[int, ...]] | None) -> None:
        """Make an interpreter for these input shapes, or for those that the session was opened with."""
        module, file = _interpreter_module(), self._file
        source = {"model_path": file.path} if file.path else {"model_content": file.content}
        kernels = "AUTO" if self._delegates else "BUILTIN_WITHOUT_DEFAULT_DELEGATES"
        hint = ""
        with suppress(EngineError):  # without the native engine's library the wheel's own checks must do
            check_structure(file)
        try:
            with without_chatter():
                self._interpreter = module.Interpreter(
                    **source,
                    num_threads=self._threads,
                    experimental_preserve_all_tensors=self._keeps_all,
                    experimental_op_resolver_type=module.OpResolverType[kernels],
                )
            self._graph = graph_of(self._interpreter, file)
            self._read_details(file.name)
            hint = "" if self._input_shapes else free_size_hint(self.inputs)
            self._allocate(first_shapes(self.inputs, self._input_shapes) if shapes is None else shapes)
            operators = {operator["op_name"] for operator in self._interpreter._get_ops_details()}
        except (
            RuntimeError,
            ValueError,
            TypeError,
            LookupError,
            MemoryError,
        ) as error:  # of names, say
            raise ModelError(f"LiteRT cannot open {file.name}: {first_line(error)}{hint}.") from error
        self._begins_anew = begins_anew(file)
        # Of another graph than the first LiteRT names no operators.
        self._has_resources = bool(operators & _KEEPS_RESOURCES) or not self._graph.is_first

    def clone(self) -> LitertEngine:
        """Open the file a second time: it is mapped, and what was computed from it is not shared."""
        return LitertEngine(
            self._file, self._threads, self._input_shapes, keeps_all=self._keeps_all, delegates=self._delegates
        )

    def _read_details(self, model_name: str) -> None:
        inputs, outputs = self._graph.inputs(), self._graph.outputs()
        self._input_indices = [int(detail["index"]) for detail in inputs]
        self._output_indices = [int(detail["index"]) for detail in outputs]
        self.inputs = _tensor_infos(inputs, self._graph.input_names, model_name)
        self.outputs = _tensor_infos(outputs, self._graph.output_names, model_name)

    def reset(self) -> None:
        """Give every variable its first value: LiteRT itself does that for variable tensors, and not for resources."""
        if not self._has_resources:
            self._interpreter.reset_all_variables()
            return
        self._refuse_to_move("resetting it")
        self._open(self._shapes())

    def resize(self, shapes: Sequence[tuple[int, ...]]) -> None:
        """Reallocate every tensor for these input shapes."""
        self._refuse_to_move("running inputs of another shape")
        old = self._shapes()
        try:
            self._allocate(shapes)
        except (RuntimeError, ValueError) as error:
            self._allocate(old)
            raise EngineError(
                f"LiteRT cannot run inputs of the shape {_listed(shapes)}: {first_line(error)}."
            ) from error

    def _refuse_to_move(self, before: str) -> None:
        if self._lent:
            raise SessionError(f"Views of this session are in use: delete them before {before}.")

    def _allocate(self, shapes: Sequence[tuple[int, ...]]) -> None:
        for index, shape, used in zip(self._input_indices, shapes, self._shapes()):
            if shape != used:
                self._graph.resize(index, shape)
        with without_chatter():
            self._graph.allocate()
        self._stage()
        self._find_movable_outputs()

    def _stage(self) -> None:
        """Make arrays for inputs and outputs that LiteRT gives no access to: of rank 0, empty, of another graph."""
        details = [*self._graph.inputs(), *self._graph.outputs()]
        self._staged = {
            int(detail["index"]): np.zeros(tuple(detail["shape"]), detail["dtype"])
            for detail in details
            if not self._graph.is_first
            or len(detail["shape"]) == 0
            or (0 in detail["shape"] and -1 not in detail["shape_signature"])
        }

    def _find_movable_outputs(self) -> None:
        """Note the outputs without memory before the first inference: each inference may allocate them elsewhere."""
        self._movable = set()
        for index in self._output_indices if self._graph.is_first else ():
            try:
                self._interpreter.tensor(index)()
            except ValueError:
                if index not in self._staged:
                    self._movable.add(index)

    def _shapes(self) -> list[tuple[int, ...]]:
        return [tuple(int(n) for n in detail["shape"]) for detail in self._graph.inputs()]

    def input_view(self, index: int) -> NDArray[Any]:
        """Return the interpreter's own memory for an input."""
        return self._lend(self._input_indices[index])

    def output_view(self, index: int) -> NDArray[Any]:
        """Return the interpreter's own memory for an output; raises SessionError if inferences move it."""
        tensor_index = self._output_indices[index]
        if tensor_index in self._movable:
            name = self.outputs[index].name
            raise SessionError(f"The size of the output '{name}' depends on the data: take it from run().")
        return self._lend(tensor_index)

    def output(self, index: int) -> NDArray[Any]:
        """Return a copy of an output."""
        tensor_index = self._output_indices[index]
        try:
            return np.asarray(self._graph.get(tensor_index))
        except ValueError:  # LiteRT has no memory to copy from if an output is empty
            shape = next(d["shape"] for d in self._graph.outputs() if d["index"] == tensor_index)
            value = np.empty(shape, self.outputs[index].dtype)
            if value.size:
                raise
        return value

    def inner(self, index: int) -> NDArray[Any]:
        """Return a copy of a tensor by its index in the main graph; raises EngineError if it has no value."""
        try:
            return np.asarray(self._interpreter.get_tensor(index))
        except ValueError as error:
            raise EngineError(f"LiteRT shows no tensor {index}: {first_line(error)}.") from error

    def invoke(self) -> None:
        """Run one inference."""
        staged = [(index, array) for index, array in self._staged.items() if array.size]
        try:
            for index, array in staged:
                if index in self._input_indices:
                    self._graph.set(index, array)
            if self._begins_anew:
                self._interpreter.reset_all_variables()
            self._graph.invoke()
            for index, array in staged:
                if index in self._output_indices:
                    array[...] = self._graph.get(index)
        except (RuntimeError, ValueError) as error:
            raise EngineError(f"LiteRT failed while it ran the model: {first_line(error)}.") from error

    def _lend(self, tensor_index: int) -> NDArray[Any]:
        if tensor_index in self._staged:
            return self._staged[tensor_index].view()
        # LiteRT refuses to invoke while an array of its own making is held, so its address is taken and it is dropped.
        array = self._interpreter.tensor(tensor_index)()
        address = array.__array_interface__["data"][0]
        memory = LentMemory(self._interpreter, address, array.shape, array.dtype)
        self._lent.add(memory)
        return np.asarray(memory)


def _tensor_infos(details: Sequence[dict[str, Any]], names: Mapping[str, int], model_name: str) -> list[TensorInfo]:
    """Describe tensors, named as in the signature; a tensor that the signature gives out twice has both names."""
    names_of: dict[int, list[str]] = {}
    for name, index in names.items():
        names_of.setdefault(int(index), []).append(name)
    infos = []
    for detail in details:
        known = names_of.get(int(detail["index"]))
        infos.append(_tensor_info(detail, known.pop(0) if known else detail["name"], model_name))
    return infos


def _tensor_info(detail: dict[str, Any], name: str, model_name: str) -> TensorInfo:
    dtype = np.dtype(detail["dtype"])
    if dtype.kind not in "fiub":
        raise ModelError(
            f"{at_start(model_name)} has the tensor '{name}' of type {dtype}, which a Session does not handle."
        )
    scales, zero_points = (detail["quantization_parameters"][key] for key in ("scales", "zero_points"))
    if len(scales) > 1:
        raise ModelError(f"{at_start(model_name)} quantizes '{name}' per channel; inputs and outputs need one scale.")
    quantized = len(scales) == 1 and scales[0] > 0 and dtype.kind in "iu"
    return TensorInfo(
        name=name,
        shape=tuple(int(size) for size in detail["shape_signature"]),
        dtype=dtype,
        scale=float(scales[0]) if quantized else None,
        zero_point=int(zero_points[0]) if quantized else None,
    )


def _listed(shapes: Sequence[tuple[int, ...]]) -> str:
    return ", ".join(str(shape) for shape in shapes)
