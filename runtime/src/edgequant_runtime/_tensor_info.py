"""What a session says about its inputs and outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def told_apart(infos: Sequence[TensorInfo]) -> list[TensorInfo]:
    """Append _1, _2 ... to a name that came before, as "" does in a file without names: a dict would keep one."""
    taken, apart = {info.name for info in infos}, dict[str, TensorInfo]()
    for info in infos:
        name, number = info.name, 0
        while name in apart or (number and name in taken):
            number += 1
            name = f"{info.name}_{number}"
        apart[name] = info._replace(name=name)
    return list(apart.values())
