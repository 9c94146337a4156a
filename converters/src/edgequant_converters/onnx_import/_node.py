"""One node of an ONNX graph, read once, with its inputs as tensors of the graph that is built."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

import numpy as np
import onnx
from numpy.typing import NDArray

from edgequant_converters._errors import UnsupportedError
from edgequant_converters.ir import Builder, Graph, Tensor


class RefusedNodeError(UnsupportedError):
    """A node cannot be written as LiteRT operators; the text says which part of it."""


@dataclass(slots=True)
class Node:
    """An operator with its attributes as Python values, and its inputs in ONNX's own layout (None: left out).

    `inline` appends what a graph that an attribute holds does to inputs, to the graph that is being built or to another
    one; then `capture` says what stands there for a tensor from outside. It returns the body's outputs. `add_graph`
    adds a graph to the model and returns its index, by which IF and WHILE name it.
    """

    op_type: str
    name: str
    opset: int
    inputs: list[Tensor | None]
    outputs: list[str]
    attributes: dict[str, Any]
    inline: "Inline"
    add_graph: Callable[[Graph], int]

    def get(self, attribute: str, default: Any) -> Any:
        """Return an attribute, or what the operator's definition says if it is left out."""
        return self.attributes.get(attribute, default)

    def has_input(self, index: int) -> bool:
        """Tell whether the optional input is given."""
        return index < len(self.inputs) and self.inputs[index] is not None

    def input(self, index: int) -> Tensor:
        """Return an input that the operator's definition demands."""
        tensor = self.inputs[index] if index < len(self.inputs) else None
        if tensor is None:
            self.refuse(f"its input {index} is missing")
        return tensor

    def optional(self, index: int) -> Tensor | None:
        """Return an input, None where it is left out."""
        return self.inputs[index] if index < len(self.inputs) else None

    def is_constant(self, index: int) -> bool:
        """Tell whether an input is given and its value known."""
        tensor = self.optional(index)
        return tensor is not None and tensor.is_constant

    def constant(self, index: int) -> NDArray[Any]:
        """Return the value of an input that a converted model must know in advance, such as a shape."""
        tensor = self.input(index)
        if not tensor.is_constant:
            self.refuse(f"its input {index} ('{tensor.name}') is computed from data")
        return tensor.values

    def ints(self, attribute: str, index: int) -> list[int] | None:
        """Return integers that older opsets keep in an attribute and newer ones in an input; None if left out."""
        if attribute in self.attributes:
            return [int(n) for n in np.atleast_1d(self.attributes[attribute])]
        return [int(n) for n in np.atleast_1d(self.constant(index))] if self.has_input(index) else None

    def number(self, attribute: str, index: int) -> float | None:
        """Return a number that older opsets keep in an attribute and newer ones in an input; None if left out."""
        if attribute in self.attributes:
            return float(self.attributes[attribute])
        return float(self.constant(index).item()) if self.has_input(index) else None

    def only(self, attribute: str, *supported: Any) -> None:
        """Refuse the node if an attribute is given and has a value other than these."""
        value = self.attributes.get(attribute, supported[0])
        if value not in supported:
            self.refuse(f"{attribute}={value}")

    def refuse(self, what: str) -> NoReturn:
        """Raise RefusedNodeError that names this node."""
        where = f" '{self.name}'" if self.name else ""
        raise RefusedNodeError(f"{self.op_type}{where}: {what}")


class Inline(Protocol):
    """What appends the operators of a body."""

    def __call__(
        self, body: onnx.GraphProto, inputs: Sequence[Tensor], into: Builder | None = None,
        capture: Callable[[Tensor], Tensor] | None = None,
    ) -> list[Tensor]:  # fmt: skip
        """Return the body's outputs; raises RefusedNodeError."""


def attribute_value(attribute: onnx.AttributeProto) -> Any:
    """Return an attribute as numbers, texts, arrays or a graph."""
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, onnx.TensorProto):
        return onnx.numpy_helper.to_array(value)
    if attribute.type in (onnx.AttributeProto.INTS, onnx.AttributeProto.FLOATS):
        return list(value)
    if attribute.type == onnx.AttributeProto.STRINGS:
        return [text.decode() for text in value]
    return value
