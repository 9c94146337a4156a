"""An answer drawn into the picture that it is about: boxes, masks, points."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from edgequant_runtime import Answer

from ._errors import EdgequantError

if TYPE_CHECKING:
    from edgequant_runtime._task import Detections, Keypoints, Segmentation
    from PIL import Image, ImageDraw

# Okabe and Ito's colours, which most people can tell apart.
COLOURS = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167))
MASK_SHARE = 0.45
KINDS = ("detections", "segmentation", "keypoints")
"""The outputs that are drawn; the others have no places in a picture."""


def draw(picture: str | os.PathLike[str], answer: Answer, output: str | os.PathLike[str]) -> None:
    """Write the picture with the answer in it; raises EdgequantError for a file name that means no format."""
    from edgequant_converters import replacing
    from edgequant_runtime._task import Detections, Keypoints, Segmentation
    from PIL import Image, ImageDraw, ImageOps

    kinds = Image.registered_extensions()
    suffix = Path(output).suffix.lower()
    if suffix not in kinds:
        raise EdgequantError(f"{output} has no suffix of a picture: take .png or .jpg.")
    with Image.open(picture) as opened:
        image = ImageOps.exif_transpose(opened).convert("RGB")
    if isinstance(answer, Segmentation):
        image = _with_mask(image, answer)
    canvas = ImageDraw.Draw(image)
    if isinstance(answer, Detections):
        _draw_boxes(canvas, answer, image.size)
    elif isinstance(answer, Keypoints):
        _draw_points(canvas, answer, image.size)
    with replacing(output) as temporary:
        image.save(temporary, kinds[suffix])


def colour_of(index: int) -> tuple[int, int, int]:
    """Return the colour of a class."""
    return COLOURS[index % len(COLOURS)]


def _draw_boxes(canvas: "ImageDraw.ImageDraw", answer: "Detections", size: tuple[int, int]) -> None:
    line = max(2, max(size) // 300)
    for item in reversed(answer.detections):  # the surest on top
        canvas.rectangle(item.box, outline=colour_of(item.index), width=line)
        name = item.label if item.label is not None else f"#{item.index}"
        for x, y in item.points:
            canvas.ellipse((x - line, y - line, x + line, y + line), fill=colour_of(item.index))
        _write(canvas, item.box[0], item.box[1], f"{name} {item.score:.2f}", item.index)


def _draw_points(canvas: "ImageDraw.ImageDraw", answer: "Keypoints", size: tuple[int, int]) -> None:
    radius = max(2, max(size) // 200)
    for item in answer.keypoints:
        box = (item.x - radius, item.y - radius, item.x + radius, item.y + radius)
        canvas.ellipse(box, fill=colour_of(item.index))
        if item.label is not None:
            canvas.text((item.x + radius + 1, item.y - radius), item.label, fill=colour_of(item.index))


def _write(canvas: "ImageDraw.ImageDraw", left: float, top: float, text: str, index: int) -> None:
    """Write black letters on the class's colour, within the picture."""
    _, _, width, height = canvas.textbbox((0, 0), text)
    top = max(0.0, top - height - 4)
    canvas.rectangle((left, top, left + width + 4, top + height + 4), fill=colour_of(index))
    canvas.text((left + 2, top + 2), text, fill=(0, 0, 0))


def _with_mask(image: "Image.Image", answer: "Segmentation") -> "Image.Image":
    """Return the picture with the colours of all classes but 0, which is the background."""
    import numpy as np
    from PIL import Image

    left, top, right, bottom = (round(edge) for edge in answer.covers)
    table = np.zeros((256, 4), np.uint8)
    for index in range(1, 256):
        table[index] = (*colour_of(index), round(255 * MASK_SHARE))
    painted = Image.fromarray(table[answer.mask], "RGBA").resize((right - left, bottom - top), Image.Resampling.NEAREST)
    layer = Image.new("RGBA", image.size)
    layer.paste(painted, (left, top))
    return Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB")
