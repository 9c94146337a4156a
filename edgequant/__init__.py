"""edgequant: take a trained network to a Raspberry Pi-class ARM computer.

The public face. Everything is imported when it is first used, so `import edgequant` is quick and needs no training
framework.

Examples:
    >>> import edgequant
    >>> edgequant.recommend(edgequant.for_board("pi5")).format
    'int8'

"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgequant_converters import (
        ConversionReport,
        ConverterError,
        ImagePreprocessing,
        Pruning,
        convert,
        distill,
        downcast,
        footprint,
        prune,
        quantize_linears_,
    )
    from edgequant_converters.doctor import DoctorReport, doctor
    from edgequant_device_checks import Device, DeviceCheckError, Recommendation, for_board, probe, recommend
    from edgequant_runtime import Session, SessionError, TensorInfo

    from ._bench import BenchReport, bench
    from ._boards import bundle, deploy, list_releases, rollback, smoke
    from ._bundle import BundleSummary, Service
    from ._compare import Comparison, compare
    from ._deploy import Deployment, Listing
    from ._errors import EdgequantError
    from ._inspect import Inspection, inspect
    from ._layers import LayersComparison, compare_layers
    from ._report import FamilyReport, report
    from ._smoke import SmokeResult
    from ._study import FormatStudy, study
    from ._tensor import TensorStudy, study_tensor

__version__ = "0.1.0"
__all__ = [
    "BenchReport",
    "BundleSummary",
    "Comparison",
    "ConversionReport",
    "ConverterError",
    "Deployment",
    "Device",
    "DeviceCheckError",
    "DoctorReport",
    "EdgequantError",
    "FamilyReport",
    "FormatStudy",
    "ImagePreprocessing",
    "Inspection",
    "LayersComparison",
    "Listing",
    "Pruning",
    "Recommendation",
    "Service",
    "Session",
    "SessionError",
    "SmokeResult",
    "TensorInfo",
    "TensorStudy",
    "bench",
    "bundle",
    "compare",
    "compare_layers",
    "convert",
    "deploy",
    "distill",
    "doctor",
    "downcast",
    "footprint",
    "for_board",
    "inspect",
    "list_releases",
    "probe",
    "prune",
    "quantize_linears_",
    "recommend",
    "report",
    "rollback",
    "smoke",
    "study",
    "study_tensor",
]

_HOMES = {
    **dict.fromkeys(("BenchReport", "bench"), "edgequant._bench"),
    **dict.fromkeys(("bundle", "deploy", "list_releases", "rollback", "smoke"), "edgequant._boards"),
    **dict.fromkeys(("BundleSummary", "Service"), "edgequant._bundle"),
    **dict.fromkeys(("Deployment", "Listing"), "edgequant._deploy"),
    "SmokeResult": "edgequant._smoke",
    **dict.fromkeys(("Comparison", "compare"), "edgequant._compare"),
    **dict.fromkeys(("Inspection", "inspect"), "edgequant._inspect"),
    **dict.fromkeys(("LayersComparison", "compare_layers"), "edgequant._layers"),
    **dict.fromkeys(("FamilyReport", "report"), "edgequant._report"),
    **dict.fromkeys(("FormatStudy", "study"), "edgequant._study"),
    **dict.fromkeys(("TensorStudy", "study_tensor"), "edgequant._tensor"),
    "EdgequantError": "edgequant._errors",
    **dict.fromkeys(("DoctorReport", "doctor"), "edgequant_converters.doctor"),
    **dict.fromkeys(
        ("ConversionReport", "ConverterError", "ImagePreprocessing", "convert", "downcast", "footprint"),
        "edgequant_converters",
    ),
    **dict.fromkeys(("Pruning", "distill", "prune", "quantize_linears_"), "edgequant_converters"),
    **dict.fromkeys(
        ("Device", "DeviceCheckError", "Recommendation", "for_board", "probe", "recommend"), "edgequant_device_checks"
    ),
    **dict.fromkeys(("Session", "SessionError", "TensorInfo"), "edgequant_runtime"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'edgequant' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
