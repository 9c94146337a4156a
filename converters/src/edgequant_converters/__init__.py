"""Read trained networks, calibrate, quantize, and write LiteRT and ONNX models."""

from ._errors import CalibrationError, ConverterError, OutputError, SourceError, UnsupportedError
from ._files import replacing

__all__ = ["CalibrationError", "ConverterError", "OutputError", "SourceError", "UnsupportedError", "replacing"]
