"""What the engines share that are reached through arrays alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ._base import check_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgequant_runtime._tensor_info import TensorInfo


class ArrayEngine(ABC):
    """An engine without another way to its memory."""

    inputs: Sequence[TensorInfo]
    outputs: Sequence[TensorInfo]

    @abstractmethod
    def input_view(self, index: int) -> NDArray[Any]:
        """Return the engine's memory for an input."""

    @abstractmethod
    def output(self, index: int) -> NDArray[Any]:
        """Return a copy of an output."""

    @abstractmethod
    def invoke(self) -> None:
        """Run one inference."""

    def run_bytes(self, inputs: Sequence[bytes]) -> tuple[bytes, ...]:
        """Run one inference from the bytes of the inputs to those of the outputs."""
        check_bytes(inputs, [self.input_view(index).nbytes for index in range(len(self.inputs))])
        for index, data in enumerate(inputs):
            view = self.input_view(index)
            view[...] = np.frombuffer(data, view.dtype).reshape(view.shape)
        self.invoke()
        return tuple(self.output(index).tobytes() for index in range(len(self.outputs)))
