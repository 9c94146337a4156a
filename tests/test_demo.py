"""The demo: its page from made-up figures, and one real run from training to the page."""

import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from edgequant._cli import _output, _tables, demo
from edgequant._demo import NO_ENGINE, DemoResult, DeviceAdvice, ModelResult
from edgequant._demo._page import page_values
from edgequant._pages import render_page

pytestmark = pytest.mark.torch_export

MODELS = tuple(
    ModelResult(f"digits_{name}{suffix}", name, engine, size, size / 200_000, accuracy, latency)
    for engine, suffix, latency in (("litert", ".tflite", 11.6), ("onnxruntime", ".onnx", 23.4))
    for name, size, accuracy in (("fp32", 200_000, 0.98), ("fp16", 104_321, 0.9822), ("int8", 61_234, 0.9756))
)
DEVICES = (
    DeviceAdvice("Raspberry Pi 5", "int8", "litert", "Because of asimddp & <evidence>. [table]"),
    DeviceAdvice("[/red]Raspberry Pi Zero", "int8", None, "No vector unit. " * 20),
)
RESULT = DemoResult(MODELS, DEVICES, 450)


def rendered() -> str:
    return render_page("edgequant._demo", page_values(RESULT))


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_has_every_figure() -> None:
    text = Page(rendered()).text
    for model in MODELS:
        assert model.file in text
        assert f"{model.bytes:,}" in text
        assert f"{model.ratio:.2f}x" in text
        assert f"{100 * model.accuracy:.2f} %" in text
        assert f"{model.median_us:.0f} µs" in text
    for advice in DEVICES:
        assert advice.device in text
        assert advice.reason in text
    assert NO_ENGINE in text
    assert "450 test images" in text


def test_the_page_needs_nothing_else_and_is_the_same_every_time() -> None:
    page = rendered()
    assert page == rendered()
    assert "http" not in page.replace("http://www.w3.org/", "")
    links = [value for name, value in Page(page).attributes if name in ("src", "href", "srcset")]
    assert links == ["data:,"]
    assert page.count("<svg") == 2
    assert not re.search(r"url\((?!#)|@import|<script", page)


def test_nothing_is_cut_at_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    terminal = Console(file=screen, width=80, force_terminal=True, color_system=None, markup=False, emoji=False)
    monkeypatch.setattr(_output, "console", lambda: terminal)
    monkeypatch.setattr(_tables, "console", lambda: terminal)
    demo._print_models(RESULT)
    demo._print_devices(RESULT)
    lines = screen.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in screen.getvalue()
    assert f"[/red]Raspberry Pi Zero: int8, engine: {NO_ENGINE}" in lines


def test_a_real_run(demo_output: Path) -> None:
    document = json.loads((demo_output / "demo.json").read_text(encoding="utf-8"))
    models = document["models"]
    assert len(models) == 8
    accuracy = {model["engine"]: model["accuracy"] for model in models if model["format"] == "fp32"}
    assert accuracy.keys() == {"litert", "onnxruntime"}
    assert 0.75 < min(accuracy.values()) < 0.97  # neither hopeless nor so easy that all formats agree
    assert len({model["accuracy"] for model in models}) > 1
    limits = {"fp32": 1, "fp16": 0.55, "dynamic": 0.35, "int8": 0.35}
    for model in models:
        path = demo_output / model["file"]
        assert model["bytes"] == path.stat().st_size
        assert model["ratio"] <= limits[model["format"]], model
        assert abs(model["accuracy"] - accuracy["onnxruntime" if path.suffix == ".onnx" else "litert"]) <= 0.02, model
        assert 0 < model["median_us"] < 1e5
    assert [device["device"] for device in document["devices"]][1:] == [
        "Raspberry Pi Zero", "Raspberry Pi 4 Model B", "Raspberry Pi 5",
    ]  # fmt: skip
    assert [device["engine"] for device in document["devices"]][1:] == ["native"] * 3
    assert (document["page"], document["test_images"]) == (str(demo_output / "report.html"), 1800)
    assert "<svg" in Path(document["page"]).read_text(encoding="utf-8")


def test_the_saved_network_converts_to_the_same_bytes(demo_output: Path, cli, tmp_path: Path) -> None:
    again, calibration = tmp_path / "again.tflite", demo_output / "calibration.npy"
    result = cli("convert", demo_output / "digits.pt2", "-o", again, "--quantize", "int8", "--calibration", calibration)
    assert result.exit_code == 0, result.stderr
    assert again.read_bytes() == (demo_output / "digits_int8.tflite").read_bytes()
