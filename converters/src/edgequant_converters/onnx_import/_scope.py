"""What is known by name inside one graph, and what it sees of the graphs around it."""

from collections import ChainMap
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgequant_converters.ir import Tensor, constant

from ._node import RefusedNodeError
from ._sequence import SequenceTensor


class Scope:
    """The numbers of constants and the tensors of a graph, by name.

    A body of control flow sees what is `outside`; `capture` says which tensor stands for one of those in the graph
    that is being built, without it the tensor itself.
    """

    def __init__(self, outside: "Scope | None" = None, capture: Callable[[Tensor], Tensor] | None = None) -> None:
        self.constants: ChainMap[str, NDArray[Any]] = ChainMap({}) if outside is None else outside.constants.new_child()
        self.tensors: dict[str, Tensor] = {}
        self._outside, self._capture = outside, capture

    def find(self, name: str) -> Tensor | None:
        """Return a value as a tensor, None if no node made it; every kind of float is float32."""
        if name not in self.tensors:
            if name in self.constants:
                self.tensors[name] = constant(name, _plain(self.constants[name], name))
            elif self._outside is not None and (outer := self._outside.find(name)) is not None:
                if outer.is_constant or self._capture is None:
                    return outer
                if isinstance(outer, SequenceTensor):
                    raise RefusedNodeError(f"the body of a loop or branch reads the sequence '{name}'")
                self.tensors[name] = self._capture(outer)
        return self.tensors.get(name)

    def tensor(self, name: str) -> Tensor:
        """Return a value as a tensor; raises RefusedNodeError if no node made it."""
        found = self.find(name)
        if found is None:
            raise RefusedNodeError(f"the value '{name}' is made by no node")
        return found

    def add(self, name: str, tensor: Tensor) -> None:
        """Enter a value; a constant is known to the nodes that are computed as well."""
        self.tensors[name] = tensor
        if tensor.is_constant:
            self.constants[name] = tensor.values


def _plain(value: NDArray[Any], name: str) -> NDArray[Any]:
    value = np.asarray(value)
    if value.dtype.kind in "OUS":
        raise RefusedNodeError(f"the constant '{name}' holds text")
    return value.astype(np.float32) if value.dtype.kind in "fV" else value
