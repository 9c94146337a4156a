"""An ONNX graph as a torch module: what lets an .onnx become a .tflite.

Importing this package imports PyTorch.
"""

from ._module import OnnxModule, unsupported_operators

__all__ = ["OnnxModule", "unsupported_operators"]
