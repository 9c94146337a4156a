"""The comparison as one HTML page that needs nothing else: the pictures are inside it, and take its colours."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from edgequant_converters.layers import LayerPair

from edgequant._pages import Image, draw_heatmap, image, value_limits
from edgequant._pages import write_page as write_document

from ._plots import (
    draw_histogram_of_values,
    draw_histogram_of_weights,
    draw_network,
    network_height,
    weakest,
    written,
)
from ._result import LayerComparison, LayersComparison
from ._statistics import LayerStatistics, Picture

LAYERS_SHOWN = 4
HISTOGRAM_HEIGHT = 2.6
HEATMAP_HEIGHT = 2.8


@dataclass(frozen=True, slots=True)
class Portrait:
    """One of the weakest layers with its histograms and heatmaps."""

    layer: LayerComparison
    rows: tuple[list[Image], ...]


def write_page(
    path: Path,
    reference: Path,
    model: Path,
    result: LayersComparison,
    pair: LayerPair,
    measured: Sequence[LayerStatistics],
) -> None:
    """Write the page in one step; raises OutputError."""
    network = image(
        partial(draw_network, result=result),
        network_height(result),
        "SQNR of every layer, in the order of execution. Layers that stand out are marked.",
        "SQNR of every layer, alone and accumulated; the same figures are in the table below.",
    )
    portraits = [_portrait(layer, pair, measured[layer.number]) for layer in weakest(result, LAYERS_SHOWN)]
    values = {
        "reference": reference.name, "model": model.name, "result": result, "network": network, "portraits": portraits
    }  # fmt: skip
    write_document(path, __package__, values, {"db": written, "share": _share, "figure": _figure})


def _portrait(layer: LayerComparison, pair: LayerPair, found: LayerStatistics) -> Portrait:
    images = []
    weights = pair.weights(layer.number)
    if weights is not None:
        caption = "Weights of the reference and, dequantized, of the model. The scale of counts is logarithmic."
        alt = f"Histogram of weights from {weights.reference.min():.4g} to {weights.reference.max():.4g}."
        images.append(image(partial(draw_histogram_of_weights, weights=weights), HISTOGRAM_HEIGHT, caption, alt))
    if found.histograms is not None and all(part.counts.any() for part in found.histograms):
        draw = partial(draw_histogram_of_values, layer=layer, histograms=found.histograms)
        caption = "Values of the activation over all samples, in the reference and from the quantized layer alone."
        alt = f"Histogram of values from {found.low:.4g} to {found.high:.4g}."
        images.append(image(draw, HISTOGRAM_HEIGHT, caption, alt))
    return Portrait(layer, (images, _heatmaps(found.picture) if found.picture is not None else []))


def _heatmaps(picture: Picture) -> list[Image]:
    difference = picture.model - picture.reference
    limits = value_limits([picture.reference, picture.model])
    largest = max(abs(end) for end in value_limits([difference])) or 1.0
    shown = (
        ("Reference", picture.reference, limits, False),
        ("Quantized layer alone, dequantized", picture.model, limits, False),
        ("Difference: quantized less reference", difference, (-largest, largest), True),
    )
    return [
        image(
            partial(draw_heatmap, values=values, limits=ends, difference=diverging),
            HEATMAP_HEIGHT,
            f"{title}, first sample, {picture.description}.",
            f"{title}: values from {value_limits([values])[0]:.4g} to {value_limits([values])[1]:.4g}.",
        )
        for title, values, ends, diverging in shown
    ]


def _share(value: float | None) -> str:
    if value is None:
        return "n/a"
    return f"{value:.0%}" if value >= 0.1 or value == 0 else f"{100 * value:.2g}%"


def _figure(value: float | None) -> str:
    return "n/a" if value is None or not np.isfinite(value) else f"{value:.3g}"
