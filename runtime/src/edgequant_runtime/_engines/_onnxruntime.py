"""ONNX Runtime on its CPU provider.

Inputs and outputs of a fixed size live in arrays of this module's own, which ONNX Runtime is told to read and write
in place. Outputs of a free size are allocated by each inference.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgequant_runtime._errors import EngineError, ModelError, SessionError
from edgequant_runtime._model_file import ModelFile, at_start
from edgequant_runtime._shapes import first_shapes
from edgequant_runtime._stderr import without_chatter
from edgequant_runtime._tensor_info import TensorInfo

from ._array_engine import ArrayEngine
from ._base import first_line, lent_array
from ._wheels import how_to_install, this_machine

if TYPE_CHECKING:
    from edgequant_runtime._shapes import InputShapes

# Weights stored as bfloat16 say so, and then bf16 arithmetic loses nothing of them; any other model it would change.
WEIGHTS_KEY, BFLOAT16 = "edgequant.weights", "bfloat16"

# ONNX Runtime looks whether the CPU has bf16 before it obeys (MlasBf16AccelerationSupported; Linux on arm64 only).
_BF16_FAST_MATH = "mlas.enable_gemm_fastmath_arm64_bfloat16"
# On x86 without VNNI its products of uint8 and int8 saturate at 16 bits otherwise (up to 40 dB), unlike on ARM.
_EXACT_INTEGERS = "session.x64quantprecision"
# It fails so on a model in which two operators share a weight's zero point.
_REPLACED_TWICE = "Attempt to replace the existing tensor"
# Then its quantized operators are left as they stand in the file, and multiply in float32: slowly, and right.
_FLOAT_PRODUCTS = "session.disable_quant_qdq"

# What ONNX Runtime says of a file from the future.
_NEWER_IR = re.compile(r"model IR version: (\d+), max supported IR version: (\d+)")
_NEWER_OPSET = re.compile(r"Opset (\d+) is under development.* is till opset (\d+)", re.DOTALL)

# Only what kills the process: every error also comes as an exception, and warnings are about the model's making.
_LOG_FATAL = 4

_ERROR_CODE = re.compile(
    r"^\[ONNXRuntimeError\] : \d+ : \w+ : (Load model from .* failed: *)?(/onnxruntime_src/\S+:\d+ .*?\)(?: const)? )?"
)

_DTYPES = {
    "tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16",
    "tensor(int64)": "int64", "tensor(int32)": "int32", "tensor(int16)": "int16", "tensor(int8)": "int8",
    "tensor(uint64)": "uint64", "tensor(uint32)": "uint32", "tensor(uint16)": "uint16", "tensor(uint8)": "uint8",
    "tensor(bool)": "bool",
}  # fmt: skip


def version() -> str:
    """Return the installed distribution and its version."""
    return f"onnxruntime {imported().__version__}"


def open_model(file: ModelFile, threads: int, input_shapes: InputShapes | None = None) -> OnnxRuntimeEngine:
    """Open an .onnx model; raises EngineError without the wheel, ModelError if ONNX Runtime refuses the model."""
    onnxruntime = imported()
    try:
        session = _opened(onnxruntime, file, threads)
    except Exception as error:  # ONNX Runtime's exceptions have no common base
        raise ModelError(_not_opened(file.name, error)) from error
    try:
        return OnnxRuntimeEngine(session, file.name, input_shapes)
    except (MemoryError, ValueError) as error:  # ValueError: numpy's, of a size that no array can have
        raise ModelError(
            f"{file.name} says that its inputs or outputs are larger than this machine's memory: it is damaged, or for "
            "another machine."
        ) from error


def _opened(onnxruntime: Any, file: ModelFile, threads: int) -> Any:
    def with_options(options: Any) -> Any:
        # Without enable_fallback=0 a failure is printed to standard output and tried a second time.
        with without_chatter():
            return onnxruntime.InferenceSession(
                file.path or file.content, options, providers=["CPUExecutionProvider"], enable_fallback=0
            )

    options = session_options(onnxruntime, file, threads)
    options.add_session_config_entry(_EXACT_INTEGERS, "1")
    try:
        return with_options(options)
    except Exception as error:
        if _REPLACED_TWICE not in str(error):
            raise
    options = session_options(onnxruntime, file, threads)
    if _integer_sums_saturate():
        options.add_session_config_entry(_FLOAT_PRODUCTS, "1")
    return with_options(options)


def _integer_sums_saturate() -> bool:
    if platform.machine() not in ("x86_64", "AMD64"):
        return False
    try:
        return "vnni" not in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return True


def imported() -> Any:
    """Return ONNX Runtime's module; raises EngineError if it is missing or broken."""
    try:
        # The import itself looks for graphics cards and warns on standard error where there are none.
        with without_chatter():
            return import_module("onnxruntime")
    except ModuleNotFoundError as error:
        if error.name == "onnxruntime":
            advice = how_to_install("onnxruntime", this_machine())
            raise EngineError(f"The engine 'onnxruntime' is not installed: {advice}.") from error
        raise EngineError(f"The engine 'onnxruntime' is installed but broken: {first_line(error)}.") from error
    except ImportError as error:
        raise EngineError(f"The engine 'onnxruntime' is installed but broken: {first_line(error)}.") from error


def session_options(onnxruntime: Any, file: ModelFile, threads: int) -> Any:
    """Return ONNX Runtime's options for this model."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _LOG_FATAL
    if file.metadata.get(WEIGHTS_KEY) == BFLOAT16:
        options.add_session_config_entry(_BF16_FAST_MATH, "1")
    return options


def write_optimized(file: ModelFile, output: str) -> None:
    """Write the model with constants folded and what any machine can fuse fused; raises ModelError if it cannot be."""
    onnxruntime = imported()
    options = session_options(onnxruntime, file, 0)
    options.optimized_model_filepath = output
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    try:
        onnxruntime.InferenceSession(file.path or file.content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions have no common base
        raise ModelError(_not_opened(file.name, error)) from error


class OnnxRuntimeEngine(ArrayEngine):
    """One ONNX Runtime session with inputs and outputs bound to this engine's memory; it may serve several engines."""

    def __init__(self, session: Any, model_name: str, input_shapes: InputShapes | None = None) -> None:
        self._session, self._model_name, self._input_shapes = session, model_name, input_shapes
        self.inputs = [tensor_info(value, model_name) for value in session.get_inputs()]
        self.outputs = [tensor_info(value, model_name) for value in session.get_outputs()]
        self._fixed_outputs = [_allocate_fixed(info) for info in self.outputs]
        places = {info.name: index for index, info in enumerate(self.inputs)}
        self._passed_on = [(i, places[info.name]) for i, info in enumerate(self.outputs) if info.name in places]
        self.resize(first_shapes(self.inputs, input_shapes))

    def clone(self) -> OnnxRuntimeEngine:
        """Return an engine with inputs and outputs of its own in the same session, whose run is thread-safe."""
        return OnnxRuntimeEngine(self._session, self._model_name, self._input_shapes)

    def reset(self) -> None:
        """Do nothing: an ONNX model has no state of its own, it takes and gives what it remembers."""

    def resize(self, shapes: Sequence[tuple[int, ...]]) -> None:
        """Allocate the inputs anew; ONNX Runtime itself judges the shapes when it runs."""
        self._ran = False
        self._inputs = [np.zeros(shape, info.dtype) for shape, info in zip(shapes, self.inputs)]
        self._binding = self._session.io_binding()
        for info, array in zip(self.inputs, self._inputs):
            self._binding.bind_input(info.name, "cpu", 0, info.dtype.type, array.shape, array.ctypes.data)

    def _bind_outputs(self) -> None:
        """Bind every output in the model's order, for they are given back in the order in which they were bound.

        An output of free size must not find the last one's memory bound: the size may have changed.
        """
        self._binding.clear_binding_outputs()
        for info, fixed in zip(self.outputs, self._fixed_outputs):
            if fixed is None:
                self._binding.bind_output(info.name, "cpu")
            else:
                self._binding.bind_output(info.name, "cpu", 0, info.dtype.type, fixed.shape, fixed.ctypes.data)

    def input_view(self, index: int) -> NDArray[Any]:
        """Return the array that ONNX Runtime reads an input from."""
        return self._inputs[index]

    def output_view(self, index: int) -> NDArray[Any]:
        """Return the memory of an output; one of free size has none before the first inference."""
        fixed = self._fixed_outputs[index]
        return self._allocated(index) if fixed is None else fixed

    def output(self, index: int) -> NDArray[Any]:
        """Return a copy of an output."""
        return self.output_view(index).copy()

    def invoke(self) -> None:
        """Run one inference."""
        self._ran = False
        self._bind_outputs()
        try:
            self._session.run_with_iobinding(self._binding)
        except Exception as error:  # ONNX Runtime's exceptions have no common base
            raise EngineError(f"ONNX Runtime failed while it ran the model: {_reason(error)}.") from error
        for output, given in self._passed_on:  # ONNX Runtime leaves the memory of an output that is an input alone
            fixed = self._fixed_outputs[output]
            if fixed is not None:
                np.copyto(fixed, self._inputs[given])
        self._ran = True

    def _allocated(self, index: int) -> NDArray[Any]:
        info = self.outputs[index]
        if not self._ran:
            raise SessionError(f"The output '{info.name}' has no size yet: call invoke() before output_view().")
        value = self._binding.get_outputs()[index]
        return lent_array(value, value.data_ptr(), tuple(value.shape()), info.dtype)


def _not_opened(name: str, error: Exception) -> str:
    newer = _NEWER_IR.search(str(error)) or _NEWER_OPSET.search(str(error))
    if newer is None:
        return f"ONNX Runtime cannot open {name}: {_reason(error)}."
    what = "IR version" if newer.re is _NEWER_IR else "opset"
    return (
        f"{name} is written in ONNX {what} {newer.group(1)}, and this ONNX Runtime reads up to {newer.group(2)}: "
        "rewrite it with `edgequant convert OLD.onnx -o NEW.onnx`, or install a newer onnxruntime."
    )


def _reason(error: Exception) -> str:
    """Return what went wrong, without "[ONNXRuntimeError] : 1 : FAIL : Load model from /a/path failed:"."""
    return _ERROR_CODE.sub("", first_line(error))


def _allocate_fixed(info: TensorInfo) -> NDArray[Any] | None:
    return None if -1 in info.shape else np.zeros(info.shape, info.dtype)


def tensor_info(value: Any, model_name: str) -> TensorInfo:
    """Describe an input or output of an ONNX Runtime session; raises ModelError for a type without numpy's like."""
    if value.type not in _DTYPES:
        raise ModelError(
            f"{at_start(model_name)} has '{value.name}' of type {value.type}, which a Session does not handle."
        )
    shape = tuple(size if isinstance(size, int) else -1 for size in value.shape)
    return TensorInfo(value.name, shape, np.dtype(_DTYPES[value.type]))
