"""What a session says about its inputs and outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np


class TensorInfo(NamedTuple):
    """An input or output of a model.

    `shape` has -1 where the size is free. `dtype` is the model's own type. `scale` and `zero_point` are None for a
    tensor that is not quantized; otherwise real = scale * (integer - zero_point), one pair for the whole tensor.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float | None = None
    zero_point: int | None = None

    @property
    def is_quantized(self) -> bool:
        """Whether the tensor holds integers that stand for real values."""
        return self.scale is not None
