"""Run a .tflite or .onnx model on the workstation, to calibrate it and to measure what quantization did to it.

No engine runs in this process: it may die of a model.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from edgequant_runtime import SessionError, TensorInfo, dequantize, quantize
from edgequant_runtime.isolation import EngineDeathError, InnerTensors, IsolatedSession, current_process
from numpy.typing import NDArray

from ._errors import SourceError
from ._stream import file_keeps_a_stream, keeps_a_stream


@contextmanager
def run_of(name: str) -> Iterator[None]:
    """Turn what a run of the model raises into SourceError, which calls it by this name."""
    try:
        yield
    except EngineDeathError as error:
        raise SourceError(str(error)) from error
    except SessionError as error:
        raise SourceError(f"{name} cannot be run: {error}") from error


class Evaluator:
    """An opened model: what it takes, what it gives, and a way to run it.

    Each inference begins anew, but for a model of a `stream`, whose state is meant to last: what is run is one stream,
    in order. Its ranges and errors are those of a state that has filled, as on a device, not of the first step alone.
    """

    def __init__(self, name: str, session: IsolatedSession, *, stream: bool) -> None:
        self.inputs, self.outputs = tuple(session.inputs), tuple(session.outputs)
        self._name, self._session, self._stream = name, session, stream

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Run one inference on the model's own types; the outputs come in the model's order. Raises SourceError."""
        with run_of(self._name):
            outputs = self._session.run(inputs, raw=True, anew=not self._stream)
        return [outputs[info.name] for info in self.outputs]

    def run_real(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Run one inference on real values, whatever the model's own types; all in the model's order."""
        own = {info.name: to_own_type(x, info) for x, info in zip(inputs, self.inputs, strict=True)}
        return [to_real(y, info) for y, info in zip(self.run(own), self.outputs, strict=True)]


class InnerEvaluator:
    """An opened model whose inner tensors can be read; inferences are those of an Evaluator."""

    def __init__(self, name: str, opened: InnerTensors, *, stream: bool) -> None:
        self.inputs, self.outputs = tuple(opened.inputs), tuple(opened.outputs)
        self._name, self._opened, self._stream = name, opened, stream

    def run(self, inputs: Mapping[str, NDArray[Any]], tensors: Sequence[int]) -> Iterator[NDArray[Any]]:
        """Run one inference on the model's own types; yield these tensors, known as in InnerTensors.

        Raises SourceError.
        """
        with run_of(self._name):
            values = [inputs[info.name] for info in self.inputs]
            yield from self._opened.run(values, tensors, anew=not self._stream)


def open_model(path: Path, input_shapes: Mapping[str, Sequence[int]] | None = None) -> Evaluator:
    """Open a .tflite or .onnx model, with shapes as for Session; raises SourceError if the engine refuses it or dies.

    A .tflite model is LiteRT's even where the native engine would run it: LiteRT is what others have, and the judge.
    The native engine runs what LiteRT refuses, such as the operators of microcontrollers.
    """
    engine = "onnxruntime" if path.suffix.lower() == ".onnx" else "litert"
    try:
        session = current_process().open(path, engine=engine, threads=1, input_shapes=input_shapes)
    except SessionError as error:
        if engine == "litert" and not isinstance(error, EngineDeathError):  # all models that were open died with it
            with suppress(SessionError):
                session = current_process().open(path, engine="native", threads=1, input_shapes=input_shapes)
                return _evaluator(path, session)
        raise SourceError(str(error)) from error
    return _evaluator(path, session)


def open_fast(path: Path) -> Evaluator:
    """Open a model as `open_model` does, in the native engine where it can run it: the same integers, sooner.

    It runs on all cores, as nobody asks for exact floats of it.
    """
    if path.suffix.lower() == ".tflite":
        with suppress(SessionError):
            return _evaluator(path, current_process().open(path, engine="native"))
    return open_model(path)


def _evaluator(path: Path, session: IsolatedSession) -> Evaluator:
    return Evaluator(path.name, session, stream=file_keeps_a_stream(path))


def open_inner(data: bytes, name: str, *, threads: int = 0, delegates: bool = True) -> InnerEvaluator:
    """Open a model whose inner tensors are to be read; `name` is what errors call it, such as "the float model".

    The rest is as for `EngineProcess.open_inner`. Raises SourceError as `open_model` does.
    """
    try:
        opened = current_process().open_inner(data, threads=threads, delegates=delegates, name=name)
    except SessionError as error:
        raise SourceError(str(error)) from error
    return InnerEvaluator(name, opened, stream=keeps_a_stream(data))


def zeros(inputs: Sequence[TensorInfo]) -> dict[str, NDArray[Any]]:
    """Return zeros for each input by name, 1 where a size is free."""
    return {info.name: np.zeros([max(size, 1) for size in info.shape], info.dtype) for info in inputs}


def to_own_type(value: NDArray[Any], info: TensorInfo) -> NDArray[Any]:
    """Return real values in a tensor's own type, quantized as a session quantizes them."""
    if info.is_quantized and np.issubdtype(value.dtype, np.floating):
        return quantize(value, info)
    own: NDArray[Any] = value.astype(info.dtype, copy=False)
    return own


def to_real(value: NDArray[Any], info: TensorInfo) -> NDArray[Any]:
    """Return the real numbers that a tensor's values stand for, as a session gives them."""
    return dequantize(value, info) if info.is_quantized else value
