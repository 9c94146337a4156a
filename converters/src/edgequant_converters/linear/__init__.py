"""Linear quantization of a tensor: real value = scale x (integer - zero point)."""

from ._error import QuantizationError, error
from ._fit import fit, from_range
from ._quantizer import LinearQuantizer

__all__ = ["LinearQuantizer", "QuantizationError", "error", "fit", "from_range"]
