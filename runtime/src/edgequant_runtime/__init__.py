"""Run a .tflite or .onnx model on a device: one Session over LiteRT and ONNX Runtime, with numpy alone besides.

The engines are optional and imported when a session asks for one.
"""

from ._engines import engine_version, model_engines
from ._errors import EngineError, InputError, ModelError, SessionError
from ._session import Session
from ._tensor_info import TensorInfo
from ._threads import usable_cores

__all__ = [
    "EngineError",
    "InputError",
    "ModelError",
    "Session",
    "SessionError",
    "TensorInfo",
    "engine_version",
    "model_engines",
    "usable_cores",
]
