"""The layouts of image inputs: NCHW, as torch and ONNX have them, and NHWC, as LiteRT computes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgequant_converters._errors import UnsupportedError


def check_layout(layout: str) -> None:
    """Raise UnsupportedError for anything but "nchw" and "nhwc"."""
    if layout not in ("nchw", "nhwc"):
        raise UnsupportedError(f"'{layout}' is not an input layout: take 'nchw' or 'nhwc'.")


def to_nhwc(value: NDArray[Any]) -> NDArray[Any]:
    """Permute (N, C, H, W) to (N, H, W, C)."""
    return np.ascontiguousarray(value.transpose(0, 2, 3, 1))


def to_nchw(value: NDArray[Any]) -> NDArray[Any]:
    """Permute (N, H, W, C) to (N, C, H, W)."""
    return np.ascontiguousarray(value.transpose(0, 3, 1, 2))
