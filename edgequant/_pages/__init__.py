"""HTML pages that need no other file and no network: their frame, their colours, their pictures."""

from ._heatmap import draw_heatmap, value_limits
from ._page import Image, render_page, write_page
from ._rows import Panel, draw_rows, rows_height
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
    "Panel",
    "draw_heatmap",
    "draw_rows",
    "image",
    "render_page",
    "rows_height",
    "value_limits",
    "write_page",
]
