"""Run a .tflite or .onnx model on the workstation, to calibrate it and to measure what quantization did to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ._errors import SourceError


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """An input or output of a model.

    `shape` has -1 where the size is free. `scale` and `zero_point` are None for a tensor that is not quantized:
    real = scale * (integer - zero_point).
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float | None = None
    zero_point: int | None = None


class Evaluator(Protocol):
    """An opened model: what it takes, what it gives, and a way to run it."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Run one inference on the model's own types; the outputs come in the model's order."""
        ...


def open_model(path: Path) -> Evaluator:
    """Open a .tflite (LiteRT) or .onnx (ONNX Runtime) model; raises SourceError if the engine refuses it."""
    engine = _OnnxEvaluator if path.suffix == ".onnx" else _LitertEvaluator
    try:
        return engine(path)
    except Exception as error:  # both engines raise bare RuntimeError, ValueError and classes of their own
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise SourceError(f"{path.name} cannot be opened: {reason}") from error


class _LitertEvaluator:
    def __init__(self, path: Path) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(str(path), num_threads=1)
        self._interpreter.allocate_tensors()
        signatures = self._interpreter.get_signature_list()
        self._runner = None
        if len(signatures) == 1:
            self._runner = self._interpreter.get_signature_runner(next(iter(signatures)))
        self._input_details = self._interpreter.get_input_details()
        names = self._signature_names()
        self.inputs = tuple(_litert_spec(d, names) for d in self._input_details)
        self.outputs = tuple(_litert_spec(d, names) for d in self._interpreter.get_output_details())

    def _signature_names(self) -> dict[int, str]:
        if self._runner is None:
            return {}
        details = {**self._runner.get_input_details(), **self._runner.get_output_details()}
        return {int(detail["index"]): name for name, detail in details.items()}

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        for spec, detail in zip(self.inputs, self._input_details, strict=True):
            value = inputs[spec.name]
            if value.shape != tuple(detail["shape"]):
                self._interpreter.resize_tensor_input(detail["index"], value.shape)
        self._interpreter.allocate_tensors()
        self._input_details = self._interpreter.get_input_details()
        for spec, detail in zip(self.inputs, self._input_details, strict=True):
            self._interpreter.set_tensor(detail["index"], inputs[spec.name])
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(d["index"]) for d in self._interpreter.get_output_details()]


def _litert_spec(detail: Mapping[str, Any], names: Mapping[int, str]) -> TensorSpec:
    scale, zero_point = detail["quantization"]
    quantized = scale != 0.0
    return TensorSpec(
        name=names.get(int(detail["index"]), detail["name"]),
        shape=tuple(int(n) for n in detail["shape_signature"]),
        dtype=np.dtype(detail["dtype"]),
        scale=float(scale) if quantized else None,
        zero_point=int(zero_point) if quantized else None,
    )


class _OnnxEvaluator:
    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.inputs = tuple(_onnx_spec(i) for i in self._session.get_inputs())
        self.outputs = tuple(_onnx_spec(o) for o in self._session.get_outputs())

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        return [np.asarray(value) for value in self._session.run(None, dict(inputs))]


_ONNX_DTYPES = {
    "tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16",
    "tensor(int64)": "int64", "tensor(int32)": "int32", "tensor(int16)": "int16", "tensor(int8)": "int8",
    "tensor(uint64)": "uint64", "tensor(uint32)": "uint32", "tensor(uint16)": "uint16", "tensor(uint8)": "uint8",
    "tensor(bool)": "bool",
}  # fmt: skip


def _onnx_spec(value: Any) -> TensorSpec:
    if value.type not in _ONNX_DTYPES:
        raise ValueError(f"'{value.name}' has the type {value.type}, which edgequant does not handle")
    shape = tuple(n if isinstance(n, int) else -1 for n in value.shape)
    return TensorSpec(value.name, shape, np.dtype(_ONNX_DTYPES[value.type]))
