"""Tensors inside a model, read while it runs in a worker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ._opened_model import OpenedModel

if TYPE_CHECKING:
    from numpy.typing import NDArray


class InnerTensors(OpenedModel):
    """A model in LiteRT, which keeps every tensor, or in ONNX Runtime, of whose graph every node stays.

    In LiteRT a tensor is known by its index in the main graph; in ONNX Runtime by that of its output, so that what is
    to be read has to be an output of the graph.
    """

    def run(
        self, values: Sequence[NDArray[Any]], tensors: Sequence[int], *, anew: bool = True
    ) -> Iterator[NDArray[Any]]:
        """Run one inference, from the first state if `anew`; yield the tensors.

        `values` are for the inputs, in the model's own order and of its own types. The tensors come in the order asked
        for, some megabytes at a time, whatever all of them take. Raises as `IsolatedSession.run` does.
        """
        request: dict[str, Any] = {"do": "run inside", "tensors": list(tensors), "anew": anew}
        _, values = self._ask(request, values, "running")
        yield from values
        rest = list(tensors)[len(values) :]
        while rest:
            _, values = self._ask({"do": "read", "tensors": rest}, (), "running")
            yield from values
            rest = rest[len(values) :]
