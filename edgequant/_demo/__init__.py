"""The demo: a small network on handwritten digits, trained, converted, measured and shown."""

from ._run import DemoResult, ModelResult, run_demo

__all__ = ["DemoResult", "ModelResult", "run_demo"]
