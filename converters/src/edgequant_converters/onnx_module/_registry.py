"""The table of ONNX operators that are known, filled by the modules that implement them."""

from collections.abc import Callable
from typing import TypeAlias, TypeVar

from torch import Tensor

Implementation: TypeAlias = Callable[..., Tensor | tuple[Tensor, ...]]
"""Takes the Node and its inputs as tensors (None where one is left out); returns the outputs."""

OPERATORS: dict[str, Implementation] = {}
"""ONNX operator -> its implementation in ATen operators."""

_F = TypeVar("_F", bound=Implementation)


def operator(*op_types: str) -> Callable[[_F], _F]:
    """Enter a function into the table under these operators' names."""

    def enter(function: _F) -> _F:
        OPERATORS.update(dict.fromkeys(op_types, function))
        return function

    return enter
