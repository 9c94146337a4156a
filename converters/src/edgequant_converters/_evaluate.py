"""Run a .tflite or .onnx model on the workstation, to calibrate it and to measure what quantization did to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ._errors import SourceError
from ._quiet import quiet
from ._reason import reason


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
    engine = _OnnxEvaluator if path.suffix.lower() == ".onnx" else _LitertEvaluator
    try:
        with quiet():
            return engine(path)
    except ImportError:
        raise  # a broken installation, or Ctrl-C during the import: nothing that the model could cure
    except Exception as error:  # both engines raise bare RuntimeError, ValueError and classes of their own
        raise SourceError(f"{path.name} cannot be opened: {reason(error)}.") from error


def run_real(model: Evaluator, inputs: Sequence[NDArray[Any]]) -> list[NDArray[np.float64]]:
    """Run a model on real values, whatever its own types; inputs and outputs in the model's order.

    Inputs are quantized to the model's type, round(x / scale) + zero_point, ties to even, saturated; outputs are
    dequantized, scale * (q - zero_point).
    """
    own = {spec.name: to_own_type(x, spec) for x, spec in zip(inputs, model.inputs, strict=True)}
    return [to_real(y, spec) for y, spec in zip(model.run(own), model.outputs, strict=True)]


def to_own_type(value: NDArray[Any], spec: TensorSpec) -> NDArray[Any]:
    """Return real values in a tensor's own type: round(x / scale) + zero_point, ties to even, saturated."""
    if spec.scale is None or spec.zero_point is None or not np.issubdtype(value.dtype, np.floating):
        own: NDArray[Any] = value.astype(spec.dtype, copy=False)
        return own
    limits = np.iinfo(spec.dtype)
    integers = np.rint(value / spec.scale) + spec.zero_point
    return np.asarray(np.clip(integers, limits.min, limits.max), spec.dtype)


def to_real(value: NDArray[Any], spec: TensorSpec) -> NDArray[np.float64]:
    """Return a tensor's values as real numbers: scale * (q - zero_point)."""
    real = value.astype(np.float64)
    return real if spec.scale is None or spec.zero_point is None else spec.scale * (real - spec.zero_point)


class _LitertEvaluator:
    def __init__(self, path: Path) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(str(path), num_threads=1)
        self._interpreter.allocate_tensors()
        input_names, output_names = self._signature_names()
        self.inputs = tuple(litert_spec(d, input_names) for d in self._interpreter.get_input_details())
        self.outputs = tuple(litert_spec(d, output_names) for d in self._interpreter.get_output_details())

    def _signature_names(self) -> tuple[dict[int, str], dict[int, str]]:
        # Two mappings, because an input that is passed through as an output has one tensor and two names.
        signatures = list(self._interpreter.get_signature_list())
        if len(signatures) != 1:
            return {}, {}
        runner = self._interpreter.get_signature_runner(signatures[0])
        return _names_by_index(runner.get_input_details()), _names_by_index(runner.get_output_details())

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        details = self._interpreter.get_input_details()
        values = [inputs[spec.name] for spec in self.inputs]
        if any(value.shape != tuple(detail["shape"]) for value, detail in zip(values, details, strict=True)):
            for value, detail in zip(values, details, strict=True):
                self._interpreter.resize_tensor_input(detail["index"], value.shape)
            self._interpreter.allocate_tensors()
        for value, detail in zip(values, details, strict=True):
            self._interpreter.set_tensor(detail["index"], value)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(d["index"]) for d in self._interpreter.get_output_details()]


def _names_by_index(details: Mapping[str, Any]) -> dict[int, str]:
    return {int(detail["index"]): name for name, detail in details.items()}


def litert_spec(detail: Mapping[str, Any], names: Mapping[int, str]) -> TensorSpec:
    """Return what LiteRT's interpreter says of a tensor; `names` has those that go by another name than their own."""
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
        options.add_session_config_entry(
            "session.x64quantprecision", "1"
        )  # as in edgequant_runtime: sums do not saturate
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
