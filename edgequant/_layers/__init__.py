"""Where a quantized model's error comes from: both models layer by layer, whole and each layer alone."""

from ._compare import compare_layers
from ._result import LayerComparison, LayersComparison

__all__ = ["LayerComparison", "LayersComparison", "compare_layers"]
