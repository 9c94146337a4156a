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

    invoke_at_once = None

    inputs: Sequence[TensorInfo]
    outputs: Sequence[TensorInfo]

    @abstractmethod
    def resize(self, shapes: Sequence[tuple[int, ...]]) -> None:
        """Use these input shapes."""

    @abstractmethod
    def input_view(self, index: int) -> NDArray[Any]:
        """Return the engine's memory for an input."""

    @abstractmethod
    def output(self, index: int) -> NDArray[Any]:
        """Return a copy of an output."""

    @abstractmethod
    def invoke(self) -> None:
        """Run one inference."""

    def run(self, values: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Run one inference on values of the model's own types; return copies of the outputs."""
        views = [self.input_view(index) for index in range(len(values))]
        shapes = [value.shape for value in values]
        if shapes != [view.shape for view in views]:
            views.clear()  # they would keep LiteRT from moving its memory
            self.resize(shapes)
            views = [self.input_view(index) for index in range(len(values))]
        for view, value in zip(views, values):
            view[...] = value
        self.invoke()
        return [self.output(index) for index in range(len(self.outputs))]

    def run_bytes(self, inputs: Sequence[bytes]) -> tuple[bytes, ...]:
        """Run one inference from the bytes of the inputs to those of the outputs."""
        check_bytes(inputs, [self.input_view(index).nbytes for index in range(len(self.inputs))])
        for index, data in enumerate(inputs):
            view = self.input_view(index)
            view[...] = np.frombuffer(data, view.dtype).reshape(view.shape)
        self.invoke()
        return tuple(self.output(index).tobytes() for index in range(len(self.outputs)))
