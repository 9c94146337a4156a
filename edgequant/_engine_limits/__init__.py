"""Whether LiteRT and ONNX Runtime know what a model asks for, by tables of what they know: nothing is opened."""

from ._limits import missing_in_litert, missing_in_onnxruntime

__all__ = ["missing_in_litert", "missing_in_onnxruntime"]
