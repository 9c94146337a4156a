"""A float and a quantized model of one network side by side: matched activations, whole runs and layers run alone."""

from ._flow import Grid
from ._pair import Layer, LayerPair, LayerValues, ScaleMismatch
from ._weights import Weights

__all__ = ["Grid", "Layer", "LayerPair", "LayerValues", "ScaleMismatch", "Weights"]
