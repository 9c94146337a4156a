"""The types that LiteRT computes in, and the way there and back for the others."""

from typing import Any

from edgequant_converters.ir import Builder, Tensor

from ._node import Node

NUMBERS = ("FLOAT32", "INT32", "INT64")
"""What nearly every arithmetic operator takes; small integers are quantized values there."""
FLOATS = ("FLOAT32",)

_HELD_IN = {
    "BOOL": ("INT32",), "INT8": ("INT32", "INT64"), "UINT8": ("INT32", "INT64"), "INT16": ("INT32", "INT64"),
    "UINT16": ("INT32", "INT64"), "INT32": ("INT32", "INT64"), "UINT32": ("INT64",), "INT64": ("INT64",),
    "FLOAT32": ("FLOAT32",),
}  # fmt: skip
"""Type -> those that hold all its values; INT32 before INT64, for more operators take it."""


def held_in(node: Node, kind: str, kinds: tuple[str, ...] = NUMBERS) -> str:
    """Return the first of the kinds that holds every value of a type; refuses the node if none does."""
    wide = next((wide for wide in (kind, *_HELD_IN.get(kind, ())) if wide in kinds), None)
    if wide is None:
        node.refuse(f"values of {kind}")
    return wide


def apply(
    node: Node, build: Builder, code: str, *inputs: Tensor, kinds: tuple[str, ...] = NUMBERS, **options: Any
) -> Tensor:
    """Append an operator on one or two tensors, in one of the kinds; the result has the first input's type, or is BOOL.

    Integers that a wider type holds wrap around on the way back, as ONNX's do.
    """
    wide = held_in(node, inputs[0].type, kinds)
    given = [build.cast(x, wide) for x in inputs]
    made = build.unary(code, *given, **options) if len(given) == 1 else build.binary(code, *given, **options)
    return made if made.type == "BOOL" else build.cast(made, inputs[0].type)
