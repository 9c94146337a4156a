"""The shapes that a user gives for inputs that leave sizes free."""

from collections.abc import Mapping, Sequence

from edgequant_converters._errors import SourceError

Sizes = Sequence[int | None]
"""The sizes of an input's axes, None where one is free."""


def given_shapes(texts: Sequence[str], inputs: Mapping[str, Sizes], description: str) -> dict[str, tuple[int, ...]]:
    """Return the shapes in texts such as "image=1,3,320,320", or "1,3,320,320" for a network's only input, by name.

    Raises SourceError for a text that is none, an unknown input, and a shape that differs where the input's is fixed.
    """
    return dict(_given(text, inputs, description) for text in texts)


def _given(text: str, inputs: Mapping[str, Sizes], description: str) -> tuple[str, tuple[int, ...]]:
    name, separator, sizes = text.rpartition("=")  # names may have a "=", sizes have none
    if not separator and len(inputs) == 1:
        name = next(iter(inputs))
    try:
        shape = tuple(int(size) for size in sizes.split(",")) if sizes else ()
    except ValueError:
        shape = (0,)
    if not name or min(shape, default=1) < 1:
        raise SourceError(f"'{text}' is no shape of an input: give its name and sizes, as image=1,3,320,320.")
    if name not in inputs:
        raise SourceError(f"{description} has no input '{name}': its inputs are {', '.join(inputs)}.")
    own = inputs[name]
    if len(own) != len(shape) or any(theirs not in (None, size) for theirs, size in zip(own, shape, strict=True)):
        listed = ",".join("?" if size is None else str(size) for size in own)
        raise SourceError(f"{description}: the input '{name}' has the shape {listed}, which {text} does not fit.")
    return name, shape
