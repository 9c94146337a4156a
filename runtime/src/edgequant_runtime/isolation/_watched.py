"""Models whose inner tensors can be read: the worker's side of `InnerTensors`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgequant_runtime._engines._base import first_line
from edgequant_runtime._errors import EngineError, ModelError
from edgequant_runtime._model_file import TFLITE, ModelFile
from edgequant_runtime._tensor_info import TensorInfo


class Watched(Protocol):
    """A model that keeps its inner tensors until the next run."""

    @property
    def inputs(self) -> Sequence[TensorInfo]:
        """What the model takes."""
        ...

    @property
    def outputs(self) -> Sequence[TensorInfo]:
        """What it gives."""
        ...

    def run(self, values: Sequence[NDArray[Any]], anew: bool) -> None:
        """Run one inference, from the first state if `anew`; raises EngineError."""
        ...

    def tensor(self, index: int) -> NDArray[Any]:
        """Return what a tensor holds since; raises EngineError."""
        ...


def open_watched(file: ModelFile, threads: int, delegates: bool) -> Watched:
    """Open the model; raises EngineError and ModelError as a session does."""
    return _LitertWatched(file, threads, delegates) if file.format == TFLITE else _OnnxWatched(file, threads)


class _LitertWatched:
    def __init__(self, file: ModelFile, threads: int, delegates: bool) -> None:
        from edgequant_runtime._engines._litert import LitertEngine

        self._engine = LitertEngine(file, threads, keeps_all=True, delegates=delegates)
        self.inputs, self.outputs = self._engine.inputs, self._engine.outputs

    def run(self, values: Sequence[NDArray[Any]], anew: bool) -> None:
        engine, count = self._engine, range(len(values))
        if anew:
            engine.reset()
        if [value.shape for value in values] != [engine.input_view(index).shape for index in count]:
            engine.resize([value.shape for value in values])
        for index in count:
            engine.input_view(index)[...] = values[index]
        engine.invoke()

    def tensor(self, index: int) -> NDArray[Any]:
        return self._engine.inner(index)


class _OnnxWatched:
    """A fused operator has no inner tensors to show: no optimizations."""

    def __init__(self, file: ModelFile, threads: int) -> None:
        from edgequant_runtime._engines._onnxruntime import imported, session_options, tensor_info

        onnxruntime = imported()
        options = session_options(onnxruntime, file, threads)
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        # Its threads would wait in a loop, for as long as they compute: what reads the tensors takes its time.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                file.path or file.content, options, providers=["CPUExecutionProvider"], enable_fallback=0
            )
        except Exception as error:  # ONNX Runtime's exceptions have no common base
            raise ModelError(f"ONNX Runtime cannot open {file.name}: {first_line(error)}.") from error
        self.inputs = [tensor_info(value, file.name) for value in self._session.get_inputs()]
        self.outputs = [tensor_info(value, file.name) for value in self._session.get_outputs()]
        self._values: list[NDArray[Any]] = []

    def run(self, values: Sequence[NDArray[Any]], anew: bool) -> None:
        given = {info.name: value for info, value in zip(self.inputs, values)}
        try:
            self._values = self._session.run([info.name for info in self.outputs], given)
        except Exception as error:
            raise EngineError(f"ONNX Runtime failed while it ran the model: {first_line(error)}.") from error

    def tensor(self, index: int) -> NDArray[Any]:
        return np.asarray(self._values[index])
