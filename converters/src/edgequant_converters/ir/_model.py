"""Tensors, operators, graphs and the model that holds them."""

from copy import copy
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ._types import NUMPY_TYPES, type_of

BEGINS_ANEW = "edgequant.begins_anew"
"""Metadata entry of a network without a state, by which a runtime zeroes variable tensors before each run."""

Shape: TypeAlias = tuple[int, ...]
"""Sizes of the axes; -1 where a size is free."""


@dataclass(slots=True)
class Quantization:
    """What stored integers stand for: real = (stored - zero point) * scale.

    One scale for the whole tensor, or one for each index of `axis`; `block` > 0: for each run of so many values along
    the last axis of a weight.
    """

    scale: NDArray[np.float32]
    zero_point: NDArray[np.int64]
    axis: int = 0
    block: int = 0

    @classmethod
    def of(cls, scale: float, zero_point: int = 0) -> "Quantization":
        """Return the quantization of a whole tensor."""
        return cls(np.array([scale], np.float32), np.array([zero_point], np.int64))

    @property
    def scale_and_point(self) -> tuple[float, int]:
        """The scale and the zero point of a whole tensor."""
        return float(self.scale[0]), int(self.zero_point[0])


@dataclass(eq=False, slots=True, weakref_slot=True)
class Tensor:
    """A value of a graph: a constant if it has `data`, a graph's input, or one operator's output.

    `type` is a name of LiteRT's schema. Tensors are compared by identity. `sparsity` and `variable` are the schema's.
    """

    name: str
    shape: Shape
    type: str = "FLOAT32"
    data: NDArray[Any] | bytes | None = None
    quantization: Quantization | None = None
    variable: bool = False
    sparsity: Any = None

    @property
    def is_constant(self) -> bool:
        """Whether the value is known."""
        return self.data is not None

    @property
    def values(self) -> NDArray[Any]:
        """The value of a constant of numbers, as it is stored."""
        assert isinstance(self.data, np.ndarray)
        return self.data

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements; negative if a size is free."""
        return prod(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The numpy type of the values; raises KeyError for strings and resources."""
        return NUMPY_TYPES[self.type]

    def __repr__(self) -> str:
        kind = "constant " if self.is_constant else ""
        return f"<{kind}{self.name}: {self.type}{list(self.shape)}>"


@dataclass(eq=False, slots=True)
class Operator:
    """One step: `code` is a builtin operator's name in LiteRT's schema, or "CUSTOM" with the `custom` name.

    `options` are the fields of the operator's options table in the schema, by the names that they have there; those
    that are enumerations are texts ("SAME", "RELU6", "INT32"). A field that is left out has the schema's default.
    Inputs that are left out are None.
    """

    code: str
    inputs: list[Tensor | None]
    outputs: list[Tensor]
    options: dict[str, Any] = field(default_factory=dict)
    custom: str = ""
    custom_options: bytes = b""
    intermediates: list[Tensor] = field(default_factory=list)
    version: int = 1

    @property
    def output(self) -> Tensor:
        """The first output."""
        return self.outputs[0]

    @property
    def given(self) -> list[Tensor]:
        """The inputs that are not left out."""
        return [tensor for tensor in self.inputs if tensor is not None]

    def input(self, index: int) -> Tensor | None:
        """Return an input; None if it is left out, by a None or by a shorter list."""
        return self.inputs[index] if index < len(self.inputs) else None

    def __repr__(self) -> str:
        return f"<{self.custom or self.code} {self.inputs} -> {self.outputs}>"


@dataclass(eq=False, slots=True)
class Graph:
    """Operators in an order in which they can run."""

    inputs: list[Tensor] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)
    operators: list[Operator] = field(default_factory=list)
    name: str = "main"

    def tensors(self) -> list[Tensor]:
        """Return every tensor once: inputs first, then in the order of their use."""
        found = dict.fromkeys(self.inputs)
        for operator in self.operators:
            found.update(dict.fromkeys([*operator.given, *operator.outputs, *operator.intermediates]))
        found.update(dict.fromkeys(self.outputs))
        return list(found)

    def producers(self) -> dict[Tensor, Operator]:
        """Return the operator that makes each tensor."""
        return {tensor: operator for operator in self.operators for tensor in operator.outputs}

    def users(self) -> dict[Tensor, list[Operator]]:
        """Return the operators that read each tensor; one that reads it twice stands there once."""
        found: dict[Tensor, list[Operator]] = {}
        for operator in self.operators:
            for tensor in dict.fromkeys(operator.given):
                found.setdefault(tensor, []).append(operator)
        return found

    def replace(self, old: Tensor, new: Tensor) -> None:
        """Let everything that reads `old`, the graph's outputs too, read `new`."""
        for operator in self.operators:
            operator.inputs = [new if tensor is old else tensor for tensor in operator.inputs]
        self.outputs = [new if tensor is old else tensor for tensor in self.outputs]

    def copy(self) -> "Graph":
        """Return a graph that may be rewritten and leaves this one as it is; the two share their constants."""
        own = {tensor: tensor if tensor.is_constant else copy(tensor) for tensor in self.tensors()}

        def all_of(tensors: list[Tensor]) -> list[Tensor]:
            return [own[tensor] for tensor in tensors]

        operators = [
            replace(
                operator,
                inputs=[None if tensor is None else own[tensor] for tensor in operator.inputs],
                outputs=all_of(operator.outputs),
                options=dict(operator.options),
                intermediates=all_of(operator.intermediates),
            )
            for operator in self.operators
        ]
        return Graph(all_of(self.inputs), all_of(self.outputs), operators, self.name)

    def drop_unused(self) -> None:
        """Remove the operators whose outputs nobody needs; what changes a variable or a resource stays."""
        needed = set(self.outputs)
        kept = []
        for operator in reversed(self.operators):
            touches = any(tensor.variable or tensor.type in ("RESOURCE", "VARIANT") for tensor in operator.given)
            if touches or not needed.isdisjoint(operator.outputs):
                needed.update(operator.given)
                kept.append(operator)
        self.operators = kept[::-1]


@dataclass(eq=False, slots=True)
class Model:
    """Graphs, the first of which is the main one; the others are bodies of IF, WHILE and composites, by index.

    `input_names` and `output_names` are the main graph's signature. `metadata` are the file's named buffers.
    """

    graphs: list[Graph]
    input_names: list[str]
    output_names: list[str]
    description: str = ""
    metadata: dict[str, bytes] = field(default_factory=dict)
    signature_key: str = "serving_default"

    @property
    def main(self) -> Graph:
        """The graph that an inference runs."""
        return self.graphs[0]

    def copy(self) -> "Model":
        """Return a model that may be rewritten and leaves this one as it is; the two share their constants."""
        return replace(self, graphs=[graph.copy() for graph in self.graphs], metadata=dict(self.metadata))

    def begin_anew(self) -> None:
        """Note that variable tensors, which recurrent operators need, hold nothing from one run to the next."""
        if any(tensor.variable for graph in self.graphs for tensor in graph.tensors()):
            self.metadata[BEGINS_ANEW] = b"1"


def constant(name: str, value: Any, dtype: Any = None) -> Tensor:
    """Return a constant tensor of a numpy value."""
    data = np.ascontiguousarray(np.asarray(value, dtype)).reshape(np.shape(value))
    return Tensor(name, data.shape, type_of(data.dtype), data)
