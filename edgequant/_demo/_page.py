"""What the demo's page shows: the result, and a picture of it."""

import base64
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ._run import DemoResult, ModelResult

NO_ENGINE = "none installs today"
ENGINE_COLOURS = {"native": "#2e8b57", "litert": "#2a6fbb", "onnxruntime": "#c8572b"}
ENGINE_NAMES = {"native": "native", "litert": "LiteRT", "onnxruntime": "ONNX Runtime"}


def page_values(result: "DemoResult") -> dict[str, Any]:
    """Return what the page's template shows: the figures, and the picture as base64."""
    picture = base64.b64encode(draw(result)).decode()
    return {"result": result, "picture": picture, "engine_names": {**ENGINE_NAMES, None: NO_ENGINE}}


def draw(result: "DemoResult") -> bytes:
    """Draw size, accuracy and latency of every model as three panels that share their rows; return a PNG."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    # Without these two, the PNG would carry the version of matplotlib and the fonts of this machine's settings.
    with mpl.rc_context(mpl.rcParamsDefault):
        figure = Figure(figsize=(10, 0.45 * len(result.models) + 1.5), dpi=144, layout="constrained")
        size, accuracy, latency = figure.subplots(1, 3, sharey=True)
        rows = result.models
        _bars(size, rows, [model.bytes / 1024 for model in rows], "{:.0f} KB", "size")
        _dots(accuracy, rows)
        _bars(latency, rows, [model.median_us for model in rows], "{:.0f} µs", "latency on this machine")
        size.set_yticks(range(len(rows)), [f"{ENGINE_NAMES[model.engine]} {model.format}" for model in rows])
        size.invert_yaxis()
        buffer = BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _bars(axes: "Axes", rows: "tuple[ModelResult, ...]", values: list[float], label: str, title: str) -> None:
    colours = [ENGINE_COLOURS[model.engine] for model in rows]
    bars = axes.barh(range(len(rows)), values, color=colours, height=0.65)
    axes.bar_label(bars, [label.format(value) for value in values], padding=3, fontsize=8)
    axes.set_xlim(0, max(values) * 1.25)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    _finish(axes, title)


def _dots(axes: "Axes", rows: "tuple[ModelResult, ...]") -> None:
    """Accuracies differ by fractions of a point: bars from zero would all look the same."""
    values = [100 * model.accuracy for model in rows]
    axes.scatter(values, range(len(rows)), c=[ENGINE_COLOURS[model.engine] for model in rows], s=40, zorder=2)
    for row, value in enumerate(values):
        axes.annotate(f"{value:.1f} %", (value, row), (6, 0), textcoords="offset points", va="center", fontsize=8)
    low, high = min(values), max(values)
    axes.set_xlim(low - 1, high + 1.2)
    axes.grid(axis="x", color="#dddddd", zorder=0)
    _finish(axes, "accuracy on the test images (axis cut)")


def _finish(axes: "Axes", title: str) -> None:
    axes.set_title(title, fontsize=10, loc="left")
    axes.tick_params(labelsize=8, left=False)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
