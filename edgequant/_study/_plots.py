"""The pictures of a study: formats in rows, so that no label meets another."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgequant._figures import IDENTICAL_DB, decibels, percent, size
from edgequant._pages import MODEL, MUTED, REFERENCE, Panel, draw_rows

from ._study import FormatStudy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LAYERS_SHOWN = 24
NAME_LENGTH = 16
BARS = 60
BEST_DB = 60.0
"""From here on the colours of the layers' picture do not change."""


def draw_formats(figure: "Figure", study: FormatStudy) -> None:
    """Draw bytes and worth of every format, a row each."""
    by_accuracy = study.results[0].accuracy is not None
    title, write = ("accuracy", percent) if by_accuracy else ("SQNR", decibels)
    worths = [result.accuracy if by_accuracy else result.sqnr_db for result in study.results]
    panels = [
        Panel("bytes", [result.bytes for result in study.results], [size(result.bytes) for result in study.results]),
        Panel(title, [None if worth == IDENTICAL_DB else worth for worth in worths], [*map(write, worths)], cut=True),
    ]
    draw_rows(figure, [result.format for result in study.results], panels)


def largest_layer(reference: Path) -> tuple[str, NDArray[np.float32]]:
    """Return the name and the weights of the layer with most of them."""
    from edgequant_converters.ir import read_ir
    from edgequant_converters.quantizer import trained_values
    from edgequant_converters.tflite import read_model

    operators = (operator for graph in read_ir(read_model(reference)).graphs for operator in graph.operators)
    layers = [
        (operator.output.name, weight.tensor.values)
        for operator in operators
        for _, weight in trained_values(operator)
        if weight.is_layer
    ]
    return max(layers, key=lambda layer: layer[1].size)


def draw_grids(figure: "Figure", weights: NDArray[np.float32]) -> None:
    """Draw the histogram of a layer's weights, and the values of 8 and 4 bits that lie in its range."""
    axes = figure.subplots()
    largest = float(np.abs(weights).max()) or 1.0
    counts, _, _ = axes.hist(weights.ravel(), bins=BARS, range=(-largest, largest), color=MUTED, alpha=0.5)
    top = float(np.max(counts))
    for row, (name, grid) in enumerate(_grids(largest)):
        height = top * (1.12 + 0.27 * row)
        colour = REFERENCE if name.startswith("fp8") else MODEL
        axes.plot(grid, np.full(grid.size, height), "|", color=colour, markersize=8, markeredgewidth=0.8)
        axes.annotate(name, (1.01, height), xycoords=("axes fraction", "data"), color=colour, fontsize=8, va="center")
    axes.set_ylim(0, top * 2.1)
    axes.set_yticks([tick for tick in axes.get_yticks() if tick <= top])
    axes.set_xlabel("weight")
    axes.set_ylabel("how many")
    _strip(axes)


def _grids(largest: float) -> list[tuple[str, NDArray[np.float64]]]:
    from edgequant_converters.formats import decode, format_named

    grids = []
    for bits in (4, 8):
        ends = 2 ** (bits - 1) - 1
        grids.append((f"int{bits}", np.arange(-ends, ends + 1) * (largest / ends)))
    for name in ("fp8-e5m2", "fp8-e4m3fn"):
        number = format_named(name)
        values = np.array([float(decode(pattern, number)) for pattern in range(number.finite_patterns)])
        inside = values[values <= largest]
        grids.append((name, np.concatenate([-inside, inside])))
    return grids


def weakest_layers(study: FormatStudy) -> list[str]:
    """Return the layers that lose most in any format, the weakest first, in at most 24 rows."""
    lowest: dict[str, float] = {}
    for result in study.results:
        for layer in result.layers:
            loss = -np.inf if layer.sqnr_db is None else layer.sqnr_db
            lowest[layer.layer] = min(lowest.get(layer.layer, np.inf), loss)
    return sorted(lowest, key=lambda name: lowest[name])[:LAYERS_SHOWN]


def layers_height(weakest: Sequence[str]) -> float:
    """Return how tall the picture of the layers is, in inches."""
    return 1.5 + 0.23 * len(weakest)


def draw_layers(figure: "Figure", study: FormatStudy, weakest: Sequence[str]) -> None:
    """Draw the SQNR of each layer's weights in each format that is not exact, as a table of colours."""
    shown = [result for result in study.results[1:] if result.layers]
    losses = [{layer.layer: layer.sqnr_db for layer in result.layers} for result in shown]
    table = np.array([[_finite(loss[name]) for loss in losses] for name in weakest])
    axes = figure.subplots()
    axes.imshow(np.minimum(table, BEST_DB), cmap="viridis", vmin=0, vmax=BEST_DB, aspect="auto")
    for (row, column), value in np.ndenumerate(table):
        text = "n/a" if np.isnan(value) else "exact" if value >= IDENTICAL_DB else f"{value:.0f}"
        colour = "black" if value > BEST_DB / 2 else "white"
        axes.text(column, row, text, ha="center", va="center", fontsize=7, color=MUTED if text == "n/a" else colour)
    axes.set_xticks(range(len(shown)), [result.format for result in shown], fontsize=8, rotation=40, ha="right")
    axes.set_yticks(range(len(weakest)), [_short(name) for name in weakest], fontsize=8)
    _strip(axes)


def _finite(value: float | None) -> float:
    return np.nan if value is None else value


def _short(name: str) -> str:
    """Return the end of a name: there the layers differ."""
    return name if len(name) <= NAME_LENGTH else f"…{name[-NAME_LENGTH:]}"


def _strip(axes: Any) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(labelsize=8)
