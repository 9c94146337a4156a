"""What the demo's page shows: the result, and pictures of it."""

from functools import partial
from typing import TYPE_CHECKING, Any

from edgequant._figures import percent, size, time
from edgequant._pages import Image, Panel, draw_rows, image, rows_height

if TYPE_CHECKING:
    from ._run import DemoResult

NO_ENGINE = "none installs today"
ENGINE_NAMES = {"native": "native", "litert": "LiteRT", "onnxruntime": "ONNX Runtime"}
_SHORT_NAMES = {**ENGINE_NAMES, "onnxruntime": "ORT"}


def page_values(result: "DemoResult") -> dict[str, Any]:
    """Return what the page's template shows: the figures and the pictures."""
    pictures = [
        _picture(result, "Size, and accuracy on the test images (axis cut)", *_worths(result)),
        _picture(result, "Median latency of one image on this machine", _latency(result)),
    ]
    return {"result": result, "pictures": pictures, "engine_names": {**ENGINE_NAMES, None: NO_ENGINE}}


def _worths(result: "DemoResult") -> tuple[Panel, Panel]:
    sizes, accuracies = [model.bytes for model in result.models], [model.accuracy for model in result.models]
    return Panel("size", sizes, [*map(size, sizes)]), Panel(
        "accuracy", accuracies, [*map(percent, accuracies)], cut=True
    )


def _latency(result: "DemoResult") -> Panel:
    medians = [model.median_us for model in result.models]
    return Panel("latency", medians, [*map(time, medians)])


def _picture(result: "DemoResult", caption: str, *panels: Panel) -> Image:
    names = [f"{_SHORT_NAMES[model.engine]} {model.format}" for model in result.models]
    draw = partial(draw_rows, names=names, panels=panels)
    return image(draw, rows_height(len(names)), f"{caption}.", f"{caption}; the same figures are in the table below.")
