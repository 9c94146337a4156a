"""The number formats a model can be written in, and which file format can hold which."""

from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ._errors import OutputError, UnsupportedError
from .formats import format_named


class Scheme(StrEnum):
    """How weights and activations are stored and computed; the values are those of `--quantize`."""

    FP32 = "fp32"
    """Weights and activations in float32: a plain conversion."""
    FP16 = "fp16"
    """Weights stored in float16, widened to float32 when the model is loaded; float32 arithmetic."""
    BF16 = "bf16"
    """Weights stored in bfloat16, widened to float32 when loaded; bf16 products where the CPU has them."""
    DYNAMIC = "dynamic"
    """int8 weights; activations quantized on the fly in the layers whose kernels can (dynamic range)."""
    INT8 = "int8"
    """int8 weights and activations: integer arithmetic throughout. Needs calibration data."""
    INT16X8 = "int16x8"
    """int16 activations, int8 weights. Needs calibration data."""
    WEIGHT_INT8 = "weight-int8"
    """int8 weights, widened to float32 for float32 arithmetic."""
    WEIGHT_INT4 = "weight-int4"
    """int4 weights in the layers whose kernels take them, int8 in the others."""

    @property
    def needs_calibration(self) -> bool:
        """Whether activations have fixed ranges, which only data can tell."""
        return self in (Scheme.INT8, Scheme.INT16X8)


class Target(StrEnum):
    """The file format that is written, chosen by the output's suffix."""

    LITERT = "litert"
    ONNX = "onnx"

    @property
    def suffix(self) -> str:
        """The file name's suffix."""
        return {Target.LITERT: ".tflite", Target.ONNX: ".onnx"}[self]


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A scheme that a file format cannot hold: why, and what to take instead."""

    reason: str
    instead: str


UNAVAILABLE: dict[tuple[Scheme, Target], Unavailable] = {
    (Scheme.BF16, Target.LITERT): Unavailable(
        "LiteRT has no kernels for bfloat16 weights",
        "take fp16 (the same bytes), or write an .onnx file",
    ),
}
"""Every pair that is not here can be written."""


ALIASES = {
    "dynamic-range": Scheme.DYNAMIC,
    "full-integer": Scheme.INT8,
    "w8a8": Scheme.INT8,
    "int16": Scheme.INT16X8,
    "int8-weights": Scheme.WEIGHT_INT8,
    "int4": Scheme.WEIGHT_INT4,
    "int4-weights": Scheme.WEIGHT_INT4,
}
"""Other names of schemes, beside those that `formats` knows of a number format."""


def parse_scheme(name: str) -> Scheme:
    """Return the scheme called `name`, or by another name; raises UnsupportedError that lists the names there are."""
    wanted = name.strip().lower().replace("_", "-").replace(" ", "-")
    if wanted in ALIASES:
        return ALIASES[wanted]
    with suppress(UnsupportedError):  # dynamic, weight-int8 and others are no number formats
        wanted = format_named(wanted).name
    try:
        return Scheme(wanted)
    except ValueError:
        names = ", ".join(Scheme)
        if wanted.startswith("fp8"):
            raise UnsupportedError(
                f"No engine here computes with {wanted}, so no model is written in it; choose one of {names}. "
                "'edgequant study' shows what it would cost, and 'downcast' stores a torch network in it."
            ) from None
        raise UnsupportedError(f"'{name}' is not a number format edgequant knows; choose one of {names}.") from None


def target_of(output: Path) -> Target:
    """Return the target that the output's suffix chooses; raises OutputError for any other suffix."""
    for target in Target:
        if output.suffix.lower() == target.suffix:
            return target
    raise OutputError(f"{output.name} should end in .tflite (LiteRT) or .onnx (ONNX): the suffix chooses the format.")


def check_available(scheme: Scheme, target: Target) -> None:
    """Raise UnsupportedError, with the reason and an alternative, for a pair that cannot be written."""
    if missing := UNAVAILABLE.get((scheme, target)):
        raise UnsupportedError(f"{scheme} cannot be written as {target.suffix}: {missing.reason}; {missing.instead}.")
