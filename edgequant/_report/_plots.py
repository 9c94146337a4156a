"""A front as a picture: each model a numbered mark, the front a stair."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from edgequant._figures import IDENTICAL_DB
from edgequant._pages import INK, LINE, MUTED, PAGE, REFERENCE, Image, image

from ._fronts import Point
from ._result import FamilyReport, Front
from ._words import NAMES, front_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEIGHT = 3.1
LOGARITHMIC_FROM = 8.0  # greatest cost over least
EXACT_ABOVE = 6.0  # dB that an exact model is drawn above the best other one
DECADES_ONLY_FROM = 100.0
FULL = 100.0  # percent
NEAR = 13.0  # points: marks closer than this share a label


def draw_front(report: FamilyReport, front: Front, alt: str) -> Image:
    """Return the picture; `alt` says the same in words."""
    caption = f"{front_title(front, report.measure)}. Numbers are those of the table of files; up and left is better."
    return image(partial(_draw, report=report, front=front), HEIGHT, caption, alt)


def places(report: FamilyReport, front: Front) -> dict[str, Point]:
    """Return where each file is drawn: cost in KB, µs or ms, worth in percent or dB."""
    files = [*front.on, *front.beaten]
    scale = _unit(report, front)[1]
    return {file: (_cost(report, front, file) / scale, worth) for file, worth in _worths(report, files).items()}


def _worths(report: FamilyReport, files: Sequence[str]) -> dict[str, float]:
    worths = {file: report.model(file).worth(report.measure) or 0.0 for file in files}
    if report.measure != "sqnr_db":
        return {file: 100 * value for file, value in worths.items()}
    # What is exact has no place on a scale of dB: it is drawn above all others, and the axis says so.
    top = max((value for value in worths.values() if value < IDENTICAL_DB), default=0.0) + EXACT_ABOVE
    return {file: min(value, top) for file, value in worths.items()}


def _cost(report: FamilyReport, front: Front, file: str) -> float:
    model = report.model(file)
    if front.device is None:
        return model.bytes
    latency = model.latency(front.device)
    return latency.median_us if latency else 0.0


def _unit(report: FamilyReport, front: Front) -> tuple[str, float]:
    least = min(_cost(report, front, file) for file in (*front.on, *front.beaten))
    units = (("MB", 1e6), ("KB", 1e3)) if front.device is None else (("s", 1e6), ("ms", 1e3), ("µs", 1.0))
    return next((unit for unit in units if least >= unit[1]), units[-1])


def _draw(figure: "Figure", report: FamilyReport, front: Front) -> None:
    axes, points = figure.subplots(), places(report, front)
    _set_scales(axes, list(points.values()))
    stair = [points[file] for file in front.on]
    right = axes.get_xlim()[1]
    axes.step([cost for cost, _ in stair] + [right], [worth for _, worth in stair] + [stair[-1][1]], where="post",
              color=REFERENCE, linewidth=1.6, zorder=2)  # fmt: skip
    marks = ((front.on, "o", REFERENCE, REFERENCE, "on the front"), (list(front.beaten), "D", "none", MUTED, "beaten"))
    for files, marker, face, edge, label in marks:
        if files:
            costs, worths = zip(*(points[file] for file in files), strict=True)
            axes.scatter(
                costs, worths, marker=marker, c=face, edgecolors=edge, s=38, linewidths=1.4, label=label, zorder=3
            )
    _label(figure, axes, {report.model(file).number: point for file, point in points.items()})
    if report.measure != "sqnr_db":
        low, high = axes.get_ylim()
        axes.set_yticks([tick for tick in axes.get_yticks() if low <= tick <= min(high, FULL)])
    cost = "size" if front.device is None else "latency"
    axes.set_xlabel(f"{cost} in {_unit(report, front)[0]}")
    exact = report.measure == "sqnr_db" and any((report.model(f).sqnr_db or 0) >= IDENTICAL_DB for f in points)
    axes.set_ylabel(
        NAMES[report.measure]
        + (" in dB (top: exact)" if exact else " in dB" if report.measure == "sqnr_db" else " in %")
    )
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, frameon=False)


def _set_scales(axes: "Axes", points: Sequence[Point]) -> None:
    """Cut both axes around the points, with room for the labels."""
    from matplotlib.ticker import LogLocator, NullFormatter

    costs, worths = np.array(points).T
    if costs.max() > LOGARITHMIC_FROM * costs.min():
        axes.set_xscale("log")
        axes.set_xlim(costs.min() / 1.4, costs.max() * 1.4)
        subs = (1, 2, 5) if costs.max() < DECADES_ONLY_FROM * costs.min() else (1,)
        axes.xaxis.set_major_locator(LogLocator(subs=subs, numticks=8))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_xlim(0, costs.max() * 1.1)
    room = max(0.15 * float(np.ptp(worths)), 0.25)
    axes.set_ylim(worths.min() - room, worths.max() + 1.5 * room)
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.tick_params(labelsize=8)
    axes.grid(color=LINE, linewidth=0.7, zorder=0)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _label(figure: "Figure", axes: "Axes", points: dict[int, Point]) -> None:
    """Write the numbers above the marks; marks that lie close together share one label."""
    figure.draw_without_rendering()  # the layout must be known before distances on paper are
    on_paper = {number: axes.transData.transform(point) * 72 / figure.dpi for number, point in points.items()}
    groups: list[list[int]] = []
    for number in sorted(points, key=lambda number: on_paper[number][0]):
        group = next((g for g in groups if any(_near(on_paper[number], on_paper[other]) for other in g)), None)
        if group is None:
            groups.append([number])
        else:
            group.append(number)
    ground = {"facecolor": PAGE, "edgecolor": "none", "alpha": 0.8, "pad": 0.3}  # the stair may run through a label
    for group in groups:
        highest = max(group, key=lambda number: points[number][1])
        text = ", ".join(map(str, sorted(group)))
        axes.annotate(
            text, points[highest], (0, 6), textcoords="offset points", ha="center", color=INK, zorder=4, bbox=ground
        )


def _near(
    one: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]", other: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]"
) -> bool:
    return bool(np.hypot(*(one - other)) < NEAR)
