import edgequant_converters
import pytest

import edgequant


@pytest.mark.parametrize("package", [edgequant, edgequant_converters])
def test_every_public_name_resolves(package: object) -> None:
    for name in package.__all__:  # type: ignore[attr-defined]
        assert getattr(package, name) is not None


def test_the_public_names_are_these() -> None:
    assert edgequant.__all__ == [
        "BenchReport", "BundleSummary", "Comparison", "ConversionReport", "ConverterError", "Deployment", "Device",
        "DeviceCheckError", "DoctorReport", "EdgequantError", "FamilyReport", "FormatStudy", "ImagePreprocessing",
        "Inspection", "LayersComparison", "Listing", "Pruning", "Recommendation", "Service", "Session", "SessionError",
        "SmokeResult", "TensorInfo", "TensorStudy", "bench", "bundle", "compare", "compare_layers", "convert", "deploy",
        "distill", "doctor", "downcast", "footprint", "for_board", "inspect", "list_releases", "probe", "prune",
        "quantize_linears_", "recommend", "report", "rollback", "smoke", "study", "study_tensor",
    ]  # fmt: skip


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        edgequant.nothing  # noqa: B018
