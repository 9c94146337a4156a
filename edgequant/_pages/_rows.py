"""Figures in rows that share their names: no label meets another, whatever the values are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._svg import LINE, MODEL, MUTED, REFERENCE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Panel:
    """One figure of every row, and its text. None has no place on the axis, and is written alone.

    `cut`: dots around the values, for what differs little; else bars from zero.
    """

    title: str
    values: Sequence[float | None]
    texts: Sequence[str]
    cut: bool = False


def rows_height(rows: int) -> float:
    """Return how tall a picture of so many rows is, in inches."""
    return 0.6 + 0.27 * rows


def draw_rows(figure: "Figure", names: Sequence[str], panels: Sequence[Panel]) -> None:
    """Draw panels side by side, a row for each name, the first on top."""
    every = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, panel in zip(every, panels, strict=True):
        (_draw_dots if panel.cut else _draw_bars)(axes, panel)
        axes.set_title(panel.title, fontsize=9, loc="left")
        axes.xaxis.set_visible(False)
        axes.tick_params(labelsize=8, left=False)
        for side in ("top", "right", "left", "bottom"):
            axes.spines[side].set_visible(False)
    every[0].set_yticks(range(len(names)), names)
    every[0].set_ylim(len(names) - 0.5, -0.5)


def _draw_bars(axes: "Axes", panel: Panel) -> None:
    values = [value or 0.0 for value in panel.values]
    bars = axes.barh(range(len(values)), values, color=REFERENCE, height=0.62)
    axes.bar_label(bars, panel.texts, padding=3, fontsize=8)
    axes.set_xlim(0, (max(values) or 1.0) * 1.6)


def _draw_dots(axes: "Axes", panel: Panel) -> None:
    known = [value for value in panel.values if value is not None] or [0.0]
    room = max(known) - min(known) or 1.0
    axes.set_xlim(min(known) - 0.08 * room, max(known) + 0.8 * room)
    for row, (value, text) in enumerate(zip(panel.values, panel.texts, strict=True)):
        if value is None:
            axes.text(min(known), row, text, va="center", fontsize=8, color=MUTED)
            continue
        axes.plot([value], [row], "o", color=MODEL, markersize=5)
        axes.annotate(text, (value, row), (6, 0), textcoords="offset points", va="center", fontsize=8)
    axes.grid(axis="y", color=LINE, linewidth=0.5)
    axes.set_axisbelow(True)
