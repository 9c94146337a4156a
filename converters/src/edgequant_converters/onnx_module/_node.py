"""One node of an ONNX graph, read once, with what is constant about it at hand."""

from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
import onnx
from numpy.typing import NDArray

from edgequant_converters._errors import UnsupportedError


@dataclass(slots=True)
class Node:
    """An operator with its attributes as Python values; `constants` holds those inputs whose values are known."""

    op_type: str
    name: str
    opset: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]
    constants: dict[int, NDArray[Any]] = field(default_factory=dict)

    def get(self, attribute: str, default: Any) -> Any:
        """Return an attribute, or what the operator's definition says if it is left out."""
        return self.attributes.get(attribute, default)

    def has_input(self, index: int) -> bool:
        """Tell whether the optional input is given; ONNX leaves one out by an empty name or by a shorter list."""
        return index < len(self.inputs) and self.inputs[index] != ""

    def constant(self, index: int) -> NDArray[Any]:
        """Return the value of an input that a converted model must know in advance, such as a shape."""
        if index not in self.constants:
            self.unsupported(f"input {index} ({self.inputs[index]}) is computed from data")
        return self.constants[index]

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

    def refuse(self, attribute: str, *supported: Any) -> None:
        """Raise UnsupportedError if an attribute is given and has a value other than these."""
        value = self.attributes.get(attribute, supported[0])
        if value not in supported:
            self.unsupported(f"{attribute}={value}")

    def unsupported(self, what: str) -> NoReturn:
        """Raise UnsupportedError that names this node."""
        where = f" '{self.name}'" if self.name else ""
        raise UnsupportedError(f"The ONNX operator {self.op_type}{where} cannot be converted to LiteRT: {what}.")


def read_node(node: onnx.NodeProto, opset: int, constants: dict[str, NDArray[Any]]) -> Node:
    """Read a node; `constants` are the values known so far, by name."""
    return Node(
        op_type=node.op_type,
        name=node.name,
        opset=opset,
        inputs=tuple(node.input),
        outputs=tuple(node.output),
        attributes={attribute.name: _value(attribute) for attribute in node.attribute},
        constants={index: constants[name] for index, name in enumerate(node.input) if name in constants},
    )


def _value(attribute: onnx.AttributeProto) -> Any:
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
