import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def models() -> Path:
    """The folder of small models that the runtime's tests use."""
    return Path(__file__).parent.parent / "runtime" / "tests" / "models"


@pytest.fixture(scope="session")
def demo_output(make_once: Callable[..., Path]) -> Path:
    """What `edgequant demo` wrote, with its --json as `demo.json`; EDGEQUANT_DEMO names a folder with both."""
    if "EDGEQUANT_DEMO" in os.environ:
        return Path(os.environ["EDGEQUANT_DEMO"])
    for module in ("torch", "sklearn"):
        pytest.importorskip(module)

    def fill(folder: Path) -> None:
        command = [sys.executable, "-m", "edgequant", "demo", "--output", str(folder), "--json"]
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
        assert finished.returncode == 0, finished.stderr
        (folder / "demo.json").write_text(finished.stdout, encoding="utf-8")

    return make_once("demo", fill)


@pytest.fixture(scope="session")
def digits(demo_output: Path, make_once: Callable[..., Path]) -> Path:
    """The demo's trained network as `<format>.tflite` and `.onnx`, and 60 images: `test.npy`, `labels.npy`."""
    from edgequant_converters import convert

    def fill(folder: Path) -> None:
        calibration = np.load(demo_output / "calibration.npy")[:100]
        for name in ("test.npy", "labels.npy"):
            np.save(folder / name, np.load(demo_output / name)[:60])
        for suffix in (".tflite", ".onnx"):
            reference = folder / f"fp32{suffix}"
            shutil.copyfile(demo_output / f"digits_fp32{suffix}", reference)
            for scheme in ("int8", "int16x8", "dynamic", "fp16", "weight-int8"):
                convert(reference, folder / f"{scheme}{suffix}", quantize=scheme, calibration=calibration)

    return make_once("digits", fill)


@pytest.fixture
def open_in_chromium(tmp_path: Path) -> Callable[[Path, int], tuple[list[str], list[str]]]:
    """Open a page in a window of a width; return what it wrote to the console and the addresses it asked for."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs Chromium, which is not on this machine")
    log, screenshot = tmp_path / "net.json", tmp_path / "page.png"

    def open_page(page: Path, width: int) -> tuple[list[str], list[str]]:
        command = [
            chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--enable-logging=stderr", "--v=0", f"--user-data-dir={tmp_path / 'profile'}",
            f"--window-size={width},900", f"--log-net-log={log}", f"--screenshot={screenshot}", page.as_uri(),
        ]  # fmt: skip
        finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        assert screenshot.stat().st_size > 1000
        console = [line for line in finished.stderr.splitlines() if "CONSOLE" in line]
        # What the browser asks for on its own account has no origin.
        requests = re.findall(r'"initiator":"(?!not an origin).*?"url":"([^"]*)"', log.read_text(encoding="utf-8"))
        return console, requests

    return open_page
