"""Pictures that take the page's colours and font: small, so that they stay readable on a phone."""

import re
from collections.abc import Callable
from io import StringIO
from typing import TYPE_CHECKING, Any

from ._page import Image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 4.6  # inches: 340 CSS pixels of a phone show its 9-point text at 9 pixels
TALLEST = 60.0

PAGE, INK, LINE, MUTED = "#fffff1", "#010101", "#d0d4d1", "#5c6671"
REFERENCE, MODEL, BAD = "#2a6fb1", "#c85721", "#b31321"
"""Colours as matplotlib is told them. The page's style sheet has its own for each, light and dark."""

_VARIABLES = {
    PAGE: "page", INK: "ink", LINE: "line", MUTED: "muted", REFERENCE: "reference", MODEL: "model", BAD: "bad"
}  # fmt: skip


def image(draw: "Callable[[Figure], None]", height: float, caption: str, alt: str) -> Image:
    """Return a picture, `WIDTH` by `height` inches, that `draw` filled; the same text for the same figures.

    Its colours are the style sheet's variables, its text is text in the page's font.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    inked = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
    settings: Any = {**dict.fromkeys(inked, INK), "font.size": 9, "axes.facecolor": "none", "legend.labelcolor": INK}
    # Starting from the defaults keeps this machine's own settings out of the picture. The salt makes the ids of clips
    # and marks repeatable, and others in each picture of a page.
    with (
        mpl.rc_context(mpl.rcParamsDefault),
        mpl.rc_context({**settings, "svg.fonttype": "none", "svg.hashsalt": f"{caption} {alt}"}),
    ):
        figure = Figure(figsize=(WIDTH, min(height, TALLEST)), layout="constrained", facecolor="none")
        draw(figure)
        buffer = StringIO()
        figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    return Image(_for_the_page(buffer.getvalue()), caption, alt)


def _for_the_page(svg: str) -> str:
    """Strip what a file of its own needs, and ids that would not be unique on the page; put variables for colours."""
    element = svg[svg.index("<svg") :]
    element = re.sub(r'<g id="[^"]*"', "<g", element)
    for colour, variable in _VARIABLES.items():
        element = element.replace(colour, f"var(--{variable})")
    return element
