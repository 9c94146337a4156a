"""What several engines share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edgequant_runtime._errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class LentMemory:
    """An engine's memory as numpy sees it; an array made from it keeps `owner` alive, and itself keeps this alive."""

    def __init__(self, owner: object, address: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.owner = owner
        self.__array_interface__: dict[str, Any] = {
            "data": (address, False), "shape": shape, "typestr": dtype.str, "version": 3,
        }  # fmt: skip


def check_bytes(inputs: Sequence[bytes], sizes: Sequence[int]) -> None:
    """Raise InputError unless there is data for each input, of its size."""
    if len(inputs) != len(sizes):
        raise InputError(f"The model has {len(sizes)} input{'s' * (len(sizes) != 1)}: {len(inputs)} are given.")
    for index, (data, size) in enumerate(zip(inputs, sizes)):
        if len(data) != size:
            raise InputError(f"Input {index} takes {size} bytes, not {len(data)}.")


def lent_array(owner: object, address: int | None, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return an engine's memory as an array; where there is nothing in it, its address may be null."""
    import numpy as np

    if address is None or 0 in shape:
        return np.empty(shape, dtype)
    return np.asarray(LentMemory(owner, address, shape, dtype))


def first_line(error: BaseException) -> str:
    """Return what an engine's exception says, as one line without a full stop; engines append traces and node lists."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(error).__name__
