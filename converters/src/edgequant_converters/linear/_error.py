"""How far a quantized tensor is from the original."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from edgequant_converters._errors import UnsupportedError
from edgequant_converters._metrics import ErrorStatistics


@dataclass(frozen=True, slots=True)
class QuantizationError:
    """Mean squared error, largest absolute error, and signal to quantization noise ratio in dB (300: identical)."""

    mse: float
    max_abs: float
    sqnr_db: float


def error(reference: ArrayLike, test: ArrayLike) -> QuantizationError:
    """Return the error measures of two tensors of one shape; see ErrorStatistics for the SQNR's limits.

    Raises UnsupportedError if the shapes differ or the tensors are empty.
    """
    r, t = np.asarray(reference), np.asarray(test)
    if r.shape != t.shape or not r.size:
        raise UnsupportedError(
            f"Errors need two tensors of one shape with values in them, not {r.shape} and {t.shape}."
        )
    statistics = ErrorStatistics()
    statistics.update(r, t)
    return QuantizationError(statistics.noise / r.size, statistics.max_abs_error, statistics.sqnr_db)
