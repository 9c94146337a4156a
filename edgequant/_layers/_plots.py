"""The pictures of the page: small, so that they stay readable on a phone, and with their numbers written out."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from edgequant_converters import IDENTICAL_DB
from edgequant_converters.calibration import Histogram
from edgequant_converters.layers import Weights
from numpy.typing import NDArray

from edgequant._pages import BAD, LINE, MODEL, REFERENCE, value_limits

from ._result import LayerComparison, LayersComparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW_HEIGHT = 0.21
BARS = 48
KIND_LENGTH = 18


def network_height(result: LayersComparison) -> float:
    """Return how tall the picture of the network is, in inches."""
    return 1.0 + ROW_HEIGHT * len(result.layers)


def draw_network(figure: "Figure", result: LayersComparison) -> None:
    """Draw both SQNRs of every layer, first layer on top, with their values in two columns on the right."""
    figure.set_layout_engine("none")  # it makes no room for the columns
    height = figure.get_figheight()
    axes = figure.add_axes((0.36, 0.5 / height, 0.37, 1 - 1.0 / height))
    rows = range(len(result.layers))
    alone = [_on_scale(layer.alone_sqnr_db) for layer in result.layers]
    accumulated = [_on_scale(layer.accumulated_sqnr_db) for layer in result.layers]
    axes.plot(accumulated, rows, color=REFERENCE, marker="o", markersize=3.5, label="accumulated")
    axes.plot(alone, rows, color=MODEL, marker="D", markersize=4.5, linestyle="none", label="alone")
    for number in result.standing_out:
        axes.axhspan(number - 0.5, number + 0.5, color=BAD, alpha=0.18, linewidth=0)
    _write_values(axes, result)
    axes.set_yticks(rows, [f"{layer.number} {layer.kind[:KIND_LENGTH]}" for layer in result.layers], fontsize=8)
    for label in (axes.get_yticklabels()[number] for number in result.standing_out):
        label.set_color(BAD)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel("SQNR in dB (higher is better)")
    axes.grid(axis="x", color=LINE)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.9, 1.0), ncols=2, frameon=False)
    _strip(axes)


def draw_histogram_of_weights(figure: "Figure", weights: Weights) -> None:
    """Draw how often each weight occurs, in the reference and dequantized."""
    edges = _edges(*value_limits([weights.reference, weights.model]))
    counts = [np.histogram(values, edges)[0] for values in (weights.reference, weights.model)]
    _draw_counts(figure.subplots(), edges, counts[0], counts[1])


def draw_histogram_of_values(figure: "Figure", layer: LayerComparison, histograms: tuple[Histogram, Histogram]) -> None:
    """Draw how often each value occurs in the reference and in the layer alone, and where the integers end."""
    edges = _edges(min(found.lowest for found in histograms), max(found.highest for found in histograms))
    axes = figure.subplots()
    _draw_counts(axes, edges, _counts(histograms[0], edges), _counts(histograms[1], edges))
    if layer.integer_range is not None:
        for end in layer.integer_range:
            axes.axvline(end, color=BAD, linestyle="--", linewidth=1.2)
        axes.set_xlabel(f"{layer.dtype} holds {layer.integer_range[0]:.4g} to {layer.integer_range[1]:.4g} (dashed)")


def _write_values(axes: "Axes", result: LayersComparison) -> None:
    columns = ((1.28, "alone", MODEL), (1.60, "accum.", REFERENCE))
    for place, title, colour in columns:
        axes.text(place, 1.0, f"{title} ", transform=axes.transAxes, ha="right", va="bottom", color=colour, fontsize=8)
    beside = axes.get_yaxis_transform()  # across in shares of the axes, down in layers
    for layer in result.layers:
        for (place, _, _), value in zip(columns, (layer.alone_sqnr_db, layer.accumulated_sqnr_db), strict=True):
            text = written(value)
            axes.text(place, layer.number, text, transform=beside, ha="right", va="center", fontsize=8)


def written(decibels: float | None) -> str:
    """Return an SQNR as text for a narrow column."""
    if decibels is None:
        return "n/a"
    return "exact" if decibels >= IDENTICAL_DB else f"{decibels:.1f}"


def _on_scale(decibels: float | None) -> float:
    """Return a value to plot; what is exact or not finite has no place on a scale of dB."""
    return np.nan if decibels is None or abs(decibels) >= IDENTICAL_DB else decibels


def _draw_counts(axes: "Axes", edges: NDArray[Any], ours: NDArray[Any], theirs: NDArray[Any]) -> None:
    axes.stairs(ours, edges, fill=True, color=REFERENCE, alpha=0.45, label="reference")
    axes.stairs(theirs, edges, color=MODEL, linewidth=1.4, label="quantized")
    axes.set_yscale("symlog", linthresh=1)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("how many values")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, frameon=False)
    _strip(axes)


def _edges(low: float, high: float) -> NDArray[np.float64]:
    """Return the edges of the bars from `low` to `high`, around the value if there is only one."""
    return np.linspace(low, high, BARS + 1) if low < high else np.linspace(low - 0.5, low + 0.5, BARS + 1)


def _counts(histogram: Histogram, edges: NDArray[Any]) -> NDArray[np.float64]:
    """Return the counts between `edges`; each of the histogram's own bins counts where its middle lies."""
    filled = np.flatnonzero(histogram.counts)
    middles = [(histogram.edge(int(i)) + histogram.edge(int(i) + 1)) / 2 for i in filled]
    inside = np.clip(middles, edges[0], edges[-1])
    return np.histogram(inside, edges, weights=histogram.counts[filled])[0].astype(np.float64)


def _strip(axes: "Axes") -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(labelsize=8)


def weakest(result: LayersComparison, count: int) -> list[LayerComparison]:
    """Return the layers with the lowest own SQNR, the weakest first; exact ones are never among them."""
    inexact = [layer for layer in result.layers if layer.alone_sqnr_db != IDENTICAL_DB]
    return sorted(inexact, key=lambda layer: -math.inf if layer.alone_sqnr_db is None else layer.alone_sqnr_db)[:count]
