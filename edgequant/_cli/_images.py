"""The option that says how the images of a folder become inputs."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from edgequant_converters import ImagePreprocessing

ImagesOption = Annotated[
    str | None,
    typer.Option(help='How the images of a folder become inputs, as "size=224x224 mean=0.5 std=0.5 layout=nhwc".'),
]


def parse_images(text: str | None) -> "ImagePreprocessing | None":
    """Return the preprocessing that the text asks for, or None without one."""
    from edgequant_converters import ImagePreprocessing

    return None if text is None else ImagePreprocessing.parse(text)
