"""One tensor, quantized in every way that weights and activations are: what each way costs and loses."""

from ._study import TensorStudy, Way, study_tensor

__all__ = ["TensorStudy", "Way", "study_tensor"]
