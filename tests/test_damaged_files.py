"""Two hundred damaged files, of every kind, give a result or a sentence; scripts/nightly takes two thousand."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def test_nothing_but_sentences_comes_out_of_damaged_files() -> None:
    for module in ("torch", "onnxruntime"):
        pytest.importorskip(module)
    command = [sys.executable, str(ROOT / "scripts" / "fuzz_files"), "--files", "200"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout[-5000:] + finished.stderr[-2000:]
    assert "200 files of" in finished.stdout and ", 0 findings" in finished.stdout
