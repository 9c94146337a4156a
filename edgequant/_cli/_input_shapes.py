"""The option that gives inputs of free size the shapes to open a model with."""

from typing import Annotated

import typer

from edgequant._errors import EdgequantError

InputShapeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--input-shape",
        metavar="NAME=SIZE,...",
        help="Open the model with this shape of an input that leaves sizes free, as x=1,16000; repeat for several.",
    ),
]


def parse_input_shapes(given: list[str] | None) -> dict[str, tuple[int, ...]] | None:
    """Return the shapes by name, or None without any; raises EdgequantError for one that is none."""
    return dict(_parse(text) for text in given) if given else None


def _parse(text: str) -> tuple[str, tuple[int, ...]]:
    name, separator, sizes = text.rpartition("=")  # names may have a "=", sizes have none
    try:
        shape = tuple(int(size) for size in sizes.split(",")) if sizes else ()
    except ValueError:
        separator = ""
    if not separator or not name:
        raise EdgequantError(f"--input-shape {text} is no shape of an input: give its name and sizes, as x=1,16000.")
    return name, shape
