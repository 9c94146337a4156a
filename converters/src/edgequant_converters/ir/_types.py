"""Tensor types by the names of LiteRT's schema, and the numpy types that hold their values."""

from typing import Any

import ml_dtypes
import numpy as np

NUMPY_TYPES: dict[str, np.dtype[Any]] = {
    "FLOAT32": np.dtype(np.float32),
    "FLOAT16": np.dtype(np.float16),
    "FLOAT64": np.dtype(np.float64),
    "BFLOAT16": np.dtype(ml_dtypes.bfloat16),
    "INT8": np.dtype(np.int8),
    "INT16": np.dtype(np.int16),
    "INT32": np.dtype(np.int32),
    "INT64": np.dtype(np.int64),
    "UINT8": np.dtype(np.uint8),
    "UINT16": np.dtype(np.uint16),
    "UINT32": np.dtype(np.uint32),
    "UINT64": np.dtype(np.uint64),
    "BOOL": np.dtype(np.bool_),
    "COMPLEX64": np.dtype(np.complex64),
    "COMPLEX128": np.dtype(np.complex128),
    "INT4": np.dtype(ml_dtypes.int4),
}
"""The types whose values are numbers. Two INT4 share a byte in the file, and have one each in an array."""

_NAMES = {dtype: name for name, dtype in NUMPY_TYPES.items()}


def type_of(dtype: Any) -> str:
    """Return the name of a numpy type in the schema; raises KeyError for one that LiteRT does not have."""
    return _NAMES[np.dtype(dtype)]
