"""Run a .tflite or .onnx model on a device: one Session over the native int8 engine, LiteRT and ONNX Runtime.

Numpy alone is needed. LiteRT and ONNX Runtime are optional and imported when a session asks for one; numpy, the C
library and the session, when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._errors import EngineError, InputError, ModelError, SessionError

if TYPE_CHECKING:
    from ._engines import check_tflite, engine_version, model_engines
    from ._memory import MemoryUse, native_memory
    from ._profile import ProfileStep
    from ._quantization import dequantize, quantize
    from ._session import Session
    from ._task import Answer, Heard, Task, TaskError
    from ._tensor_info import TensorInfo, unique_names
    from ._threads import usable_cores

__all__ = [
    "Answer",
    "EngineError",
    "Heard",
    "InputError",
    "MemoryUse",
    "ModelError",
    "ProfileStep",
    "Session",
    "SessionError",
    "Task",
    "TaskError",
    "TensorInfo",
    "check_tflite",
    "dequantize",
    "engine_version",
    "model_engines",
    "native_memory",
    "native_slowness",
    "quantize",
    "unique_names",
    "usable_cores",
]

_HOMES = {
    "Answer": "_task",
    "Heard": "_task",
    "MemoryUse": "_memory",
    "ProfileStep": "_profile",
    "Session": "_session",
    "Task": "_task",
    "TaskError": "_task",
    "TensorInfo": "_tensor_info",
    "check_tflite": "_engines",
    "dequantize": "_quantization",
    "engine_version": "_engines",
    "model_engines": "_engines",
    "native_memory": "_memory",
    "native_slowness": "_engines",
    "quantize": "_quantization",
    "unique_names": "_tensor_info",
    "usable_cores": "_threads",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
