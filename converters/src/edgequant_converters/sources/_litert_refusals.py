"""Why LiteRT's converter refuses a network, as one sentence with the way out."""

import re

import torch
from torch.export import ExportedProgram

from edgequant_converters._errors import UnsupportedError
from edgequant_converters._reason import reason

_OPERATOR = re.compile(r"target=torch\.ops\.([\w.]+)")
_MISSING = re.compile(r"Didn't find op for builtin opcode '(\w+)'")
_OVERLOAD = re.compile(r"\.(default|Tensor|Scalar|int|dim\w*)$")

# What stands around the converter's own words: the pass, the line of the network's source, the operation in MLIR.
_AROUND = re.compile(r"^Failed to run converter passes: |^\S+:\d+:\d+: |^error: |: %.*$")

_CAUSES = {
    r"failed to legalize operation 'mhlo\.convolution'": "it has a convolution that LiteRT's converter does not know; "
    "give a transposed one no padding, or (kernel size - stride) / 2 on each side, as in kernel size 4, stride 2, "
    "padding 1",
    r"comparator block|STABLEHLO_SORT": "it sorts, as sort, argsort and a topk with an unused result do, which LiteRT "
    "has no operator for; sort outside of the network",
}
"""What the errors look like whose own words tell nobody what to do: the cause and a way out."""


def litert_refusal(error: Exception, program: ExportedProgram, description: str) -> UnsupportedError:
    """Return what the converter's error, or LiteRT's on what was converted, means for the network."""
    complex_operator = _complex_operator(program)
    if complex_operator is not None:
        return UnsupportedError(
            f"{description} computes with complex numbers ({complex_operator}), which cannot be converted to LiteRT: "
            "compute real and imaginary part as convolutions with cosines and sines, or write .onnx."
        )
    text = "\n".join(str(e) for e in (error, error.__cause__) if e is not None)
    for pattern, cause in _CAUSES.items():
        if re.search(pattern, text):
            return UnsupportedError(f"{description} cannot be converted to LiteRT: {cause}, or write .onnx.")
    if missing := _MISSING.search(text):
        became = f"which does not run the {missing[1]} that it becomes"
        return UnsupportedError(f"{description} cannot be converted to LiteRT, {became}: write .onnx.")
    if operator := unknown_operator(text):
        return UnsupportedError(
            f"{description} uses {operator}, which cannot be converted to LiteRT: replace it, or write .onnx."
        )
    words = reason(error)
    while (shorter := _AROUND.sub("", words)) != words:
        words = shorter
    return UnsupportedError(f"{description} cannot be converted to LiteRT: {words}. Try .onnx.")


def unknown_operator(text: str) -> str | None:
    """Return the ATen operator that an exporter's error says it cannot convert, such as "aten.svd"."""
    found = _OPERATOR.search(text)
    return None if found is None else _OVERLOAD.sub("", found.group(1))


def _complex_operator(program: ExportedProgram) -> str | None:
    """Return the first operator that gives complex numbers, such as "aten.stft"."""
    for node in program.graph.nodes:
        value = node.meta.get("val")
        if isinstance(value, torch.Tensor) and value.is_complex():
            return _OVERLOAD.sub("", str(node.target))
    return None
