"""The seam behind which every engine stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgequant_runtime._tensor_info import TensorInfo


class Engine(Protocol):
    """An opened model in one engine, which lends out its own memory for inputs and outputs.

    Inputs and outputs are addressed by their place in `inputs` and `outputs`. The shapes in use at first have 1 where
    a size is free.
    """

    inputs: Sequence[TensorInfo]
    outputs: Sequence[TensorInfo]

    def resize(self, shapes: Sequence[tuple[int, ...]]) -> None:
        """Use these input shapes, one for each input, from now on; raises SessionError and keeps the old if it cannot.

        Views lent out before are no longer the session's.
        """
        ...

    def input_view(self, index: int) -> NDArray[Any]:
        """Return the engine's memory for an input: write there, then invoke."""
        ...

    def output_view(self, index: int) -> NDArray[Any]:
        """Return the engine's memory for an output: read there after invoke."""
        ...

    def output(self, index: int) -> NDArray[Any]:
        """Return a copy of an output."""
        ...

    def invoke(self) -> None:
        """Run one inference on what the inputs hold."""
        ...


class LentMemory:
    """An engine's memory as numpy sees it; an array made from it keeps `owner` alive, and itself keeps this alive."""

    def __init__(self, owner: object, address: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.owner = owner
        self.__array_interface__: dict[str, Any] = {
            "data": (address, False), "shape": shape, "typestr": dtype.str, "version": 3,
        }  # fmt: skip


def fixed_shape(info: TensorInfo) -> tuple[int, ...]:
    """Return the shape with 1 where the size is free."""
    return tuple(1 if size < 0 else size for size in info.shape)


def first_line(error: BaseException) -> str:
    """Return what an engine's exception says, as one line without a full stop; engines append traces and node lists."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(error).__name__
