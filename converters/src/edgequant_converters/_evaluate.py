"""Run a .tflite or .onnx model on the workstation, to calibrate it and to measure what quantization did to it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from edgequant_runtime import Session, SessionError, TensorInfo, dequantize, quantize
from numpy.typing import NDArray

from ._errors import SourceError


class Evaluator:
    """An opened model: what it takes, what it gives, and a way to run it."""

    def __init__(self, name: str, session: Session) -> None:
        self.inputs, self.outputs = tuple(session.inputs), tuple(session.outputs)
        self._name, self._session = name, session

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Run one inference on the model's own types; the outputs come in the model's order.

        Each begins anew: the variables of a streaming model remember nothing of earlier ones. Raises SourceError.
        """
        try:
            self._session.reset()
            outputs = self._session.run(inputs, raw=True)
        except SessionError as error:
            raise SourceError(f"{self._name} cannot be run: {error}") from error
        return [outputs[info.name] for info in self.outputs]

    def run_real(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Run one inference on real values, whatever the model's own types; all in the model's order."""
        own = {info.name: to_own_type(x, info) for x, info in zip(inputs, self.inputs, strict=True)}
        return [to_real(y, info) for y, info in zip(self.run(own), self.outputs, strict=True)]


def open_model(path: Path, input_shapes: Mapping[str, Sequence[int]] | None = None) -> Evaluator:
    """Open a .tflite or .onnx model, with shapes as for Session; raises SourceError if the engine refuses it.

    A .tflite model is LiteRT's even where the native engine would run it: LiteRT is what others have, and the judge.
    """
    engine = "onnxruntime" if path.suffix.lower() == ".onnx" else "litert"
    try:
        return Evaluator(path.name, Session(path, engine=engine, threads=1, input_shapes=input_shapes))
    except SessionError as error:
        raise SourceError(str(error)) from error


def to_own_type(value: NDArray[Any], info: TensorInfo) -> NDArray[Any]:
    """Return real values in a tensor's own type, quantized as a session quantizes them."""
    if info.is_quantized and np.issubdtype(value.dtype, np.floating):
        return quantize(value, info)
    own: NDArray[Any] = value.astype(info.dtype, copy=False)
    return own


def to_real(value: NDArray[Any], info: TensorInfo) -> NDArray[Any]:
    """Return the real numbers that a tensor's values stand for, as a session gives them."""
    return dequantize(value, info) if info.is_quantized else value
