"""The seam behind which every engine stands: a type, so nothing imports it when it runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from edgequant_runtime._tensor_info import TensorInfo


class Engine(Protocol):
    """An opened model in one engine, which lends out its own memory for inputs and outputs.

    Inputs and outputs are addressed by their place in `inputs` and `outputs`. The shapes in use at first have 1 where
    a size is free.
    """

    invoke_at_once: Callable[[], int] | None
    """Runs one inference if it can without a turn and returns 0. Only the native engine has it, for short ones."""

    @property
    def inputs(self) -> Sequence[TensorInfo]:
        """What the model takes."""
        ...

    @property
    def outputs(self) -> Sequence[TensorInfo]:
        """What it gives."""
        ...

    def clone(self) -> Engine:
        """Return another engine with the model, opened as this one was; packed weights are shared where they can be."""
        ...

    def reset(self) -> None:
        """Give the model's variables the values that they had when it was opened."""
        ...

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

    def run(self, values: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Run one inference on values of the model's own types, of any shapes; return copies of the outputs."""
        ...

    def run_bytes(self, inputs: Sequence[bytes]) -> tuple[bytes, ...]:
        """Run one inference from the bytes of the inputs, whose number is right, to those of the outputs."""
        ...

    def invoke(self) -> None:
        """Run one inference on what the inputs hold."""
        ...
