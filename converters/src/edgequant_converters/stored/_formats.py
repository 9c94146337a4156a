"""The ways to store trained values: a number format, and for integers what shares a scale."""

from dataclasses import dataclass
from typing import Literal

from edgequant_converters.formats import NumberFormat, format_named

Sharing = Literal["tensor", "channel", "group"]


@dataclass(frozen=True, slots=True)
class StoredFormat:
    """A number format of formats.FORMATS; `sharing` says which weights have one scale, None for floats."""

    number: NumberFormat
    sharing: Sharing | None = None

    @property
    def name(self) -> str:
        """The format's name, and what shares a scale: fp16, int8-channel."""
        return self.number.name if self.sharing is None else f"{self.number.name}-{self.sharing}"


STORED_FORMATS: tuple[StoredFormat, ...] = (
    *(StoredFormat(format_named(name)) for name in ("fp32", "fp16", "bf16", "fp8-e4m3fn", "fp8-e5m2")),
    StoredFormat(format_named("int8"), "tensor"),
    StoredFormat(format_named("int8"), "channel"),
    StoredFormat(format_named("int8"), "group"),
    StoredFormat(format_named("int4"), "channel"),
    StoredFormat(format_named("int4"), "group"),
)
"""The widest first."""
