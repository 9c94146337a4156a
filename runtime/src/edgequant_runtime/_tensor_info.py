"""What a session says about its inputs and outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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


def unique_names(names: Iterable[str]) -> list[str]:
    """Append _1, _2 ... to a name that came before."""
    names = list(names)
    taken, unique = set(names), dict[str, None]()
    for name in names:
        candidate, number = name, 0
        while candidate in unique or (number and candidate in taken):
            number += 1
            candidate = f"{name}_{number}"
        unique[candidate] = None
    return list(unique)


def told_apart(infos: Sequence[TensorInfo]) -> list[TensorInfo]:
    """Give each a name of its own, as "" is not in a file without names: a dict would keep one."""
    return [info._replace(name=name) for info, name in zip(infos, unique_names(info.name for info in infos))]
