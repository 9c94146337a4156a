"""Read trained networks, calibrate, quantize, and write LiteRT and ONNX models.

The heavy parts are imported when they are first used, so that importing this package stays cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._errors import CalibrationError, ConverterError, OutputError, SourceError, UnsupportedError
from ._files import replacing

if TYPE_CHECKING:
    from ._convert import convert
    from ._detections import DetectionAgreement, DetectionMeasure
    from ._downcast import FootprintChange, downcast, footprint
    from ._measure import OutputMeasure, real_outputs
    from ._metrics import IDENTICAL_DB, ErrorStatistics, sqnr_db
    from ._parts import OutputStatistics, PartMeasure, divisions
    from ._report import ConversionReport, FloatOp
    from ._schemes import Scheme, Target
    from ._weight_only_linear import WeightOnlyInt8Linear, quantize_linears_
    from .calibration import ImagePreprocessing
    from .smaller import Pruning, distill, prune

__all__ = [
    "IDENTICAL_DB",
    "CalibrationError",
    "ConversionReport",
    "ConverterError",
    "DetectionAgreement",
    "DetectionMeasure",
    "ErrorStatistics",
    "FloatOp",
    "FootprintChange",
    "ImagePreprocessing",
    "OutputError",
    "OutputMeasure",
    "OutputStatistics",
    "PartMeasure",
    "Pruning",
    "Scheme",
    "SourceError",
    "Target",
    "UnsupportedError",
    "WeightOnlyInt8Linear",
    "convert",
    "distill",
    "divisions",
    "downcast",
    "footprint",
    "prune",
    "quantize_linears_",
    "real_outputs",
    "replacing",
    "sqnr_db",
]

_HOMES = {
    "IDENTICAL_DB": "_metrics",
    "DetectionAgreement": "_detections",
    "DetectionMeasure": "_detections",
    "ConversionReport": "_report",
    "ErrorStatistics": "_metrics",
    "FloatOp": "_report",
    "FootprintChange": "_downcast",
    "ImagePreprocessing": "calibration",
    "OutputMeasure": "_measure",
    "OutputStatistics": "_parts",
    "PartMeasure": "_parts",
    "Pruning": "smaller",
    "Scheme": "_schemes",
    "Target": "_schemes",
    "WeightOnlyInt8Linear": "_weight_only_linear",
    "convert": "_convert",
    "distill": "smaller",
    "divisions": "_parts",
    "downcast": "_downcast",
    "footprint": "_downcast",
    "prune": "smaller",
    "quantize_linears_": "_weight_only_linear",
    "real_outputs": "_measure",
    "sqnr_db": "_metrics",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
