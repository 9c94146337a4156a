"""The demo: a small network on handwritten digits, trained, converted, measured and shown."""

from ._page import NO_ENGINE
from ._run import DemoResult, DeviceAdvice, ModelResult, run_demo

__all__ = ["NO_ENGINE", "DemoResult", "DeviceAdvice", "ModelResult", "run_demo"]
