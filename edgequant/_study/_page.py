"""The study as a page that needs nothing else."""

from functools import partial
from pathlib import Path

from edgequant._figures import decibels, percent
from edgequant._pages import Image, image, rows_height, write_page

from . import _words as words
from ._plots import draw_formats, draw_grids, draw_layers, largest_layer, layers_height, weakest_layers
from ._study import INTEGERS, FormatStudy

GRIDS_HEIGHT = 3.4


def write_study(path: Path, study: FormatStudy, reference: Path) -> None:
    """Write the page in one step; `reference` is the float model. Raises OutputError."""
    values = {
        "study": study,
        "pictures": _pictures(study, reference),
        "findings": words.findings(study),
        "integers": INTEGERS,
    }
    write_page(path, __package__, values, {"percent": percent, "decibels": decibels})


def _pictures(study: FormatStudy, reference: Path) -> list[Image]:
    accuracy = study.results[0].accuracy is not None
    worth = "accuracy on the data" if accuracy else "SQNR of the worst output or part"
    figures = "; ".join(
        f"{result.format} {result.bytes:,} bytes, {percent(result.accuracy) if accuracy else decibels(result.sqnr_db)}"
        for result in study.results
    )
    found = [
        image(
            partial(draw_formats, study=study),
            rows_height(len(study.results)),
            f"Bytes of the trained values with their scales, and {worth} (axis cut).",
            f"{figures}.",
        )
    ]
    weakest = weakest_layers(study)
    if weakest:
        name, weights = largest_layer(reference)
        found.append(
            image(
                partial(draw_grids, weights=weights),
                GRIDS_HEIGHT,
                f"The weights of the largest layer, {name}, and above them what formats of few bits can hold there. "
                "Floats are dense around zero; integers have equal steps, here with one scale for the layer.",
                f"Histogram of weights from {weights.min():.4g} to {weights.max():.4g}.",
            )
        )
        found.append(
            image(
                partial(draw_layers, study=study, weakest=weakest),
                layers_height(weakest),
                "SQNR of each layer's weights in dB: 6 dB more is half the error. At most 24 layers: what loses most.",
                f"The worst weights are those of {weakest[0]}.",
            )
        )
    return found
