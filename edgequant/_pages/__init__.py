"""HTML pages that need no other file and no network: their frame, their colours, their pictures."""

from ._heatmap import draw_heatmap, value_limits
from ._page import Image, render_page, write_page
from ._svg import BAD, INK, LINE, MODEL, MUTED, PAGE, REFERENCE, WIDTH, image

__all__ = [
    "BAD",
    "INK",
    "LINE",
    "MODEL",
    "MUTED",
    "PAGE",
    "REFERENCE",
    "WIDTH",
    "Image",
    "draw_heatmap",
    "image",
    "render_page",
    "value_limits",
    "write_page",
]
