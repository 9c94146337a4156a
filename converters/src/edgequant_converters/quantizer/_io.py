"""The types that a written model's inputs and outputs can have."""

from edgequant_converters._errors import UnsupportedError
from edgequant_converters._schemes import Scheme

IO_TYPES = ("int8", "uint8", "int16", "float")
"""What `io` can ask for."""


def io_type(scheme: Scheme, requested: str | None) -> str:
    """Return the type of a model's inputs and outputs; raises UnsupportedError for one that the scheme cannot have."""
    possible = {Scheme.INT8: ("int8", "uint8", "float"), Scheme.INT16X8: ("int16", "float")}.get(scheme, ("float",))
    if requested is None:
        return possible[0]
    if requested not in possible:
        raise UnsupportedError(
            f"{scheme} models cannot have {requested} inputs and outputs; choose one of {', '.join(possible)}."
        )
    return requested
