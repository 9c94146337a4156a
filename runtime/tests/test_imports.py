from __future__ import annotations

import subprocess
import sys

import edgequant_runtime

HEAVY = ("torch", "tensorflow", "keras", "onnx", "onnxruntime", "ai_edge_litert", "tflite_runtime")


def test_importing_loads_no_engine_and_no_framework():
    code = f"import sys, edgequant_runtime; print([name for name in {HEAVY} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_the_public_names_are_held():
    assert edgequant_runtime.__all__ == [
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
    for name in edgequant_runtime.__all__:
        assert getattr(edgequant_runtime, name).__doc__
