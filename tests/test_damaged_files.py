"""Damaged files give a result or a sentence: two hundred of every kind, two thousand in scripts/nightly, and .tflite
files that would kill LiteRT or never end in it, which therefore never see it.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
LITERT_DIES_OF = [
    "blockwise_quantized", "convert_index", "hostile_lstm_4679_255", "hostile_lstm_6487_127", "inspect_index",
    "session_hang",
]  # fmt: skip


def test_nothing_but_sentences_comes_out_of_damaged_files() -> None:
    for module in ("torch", "onnxruntime"):
        pytest.importorskip(module)
    command = [sys.executable, str(ROOT / "scripts" / "fuzz_files"), "--files", "200"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout[-5000:] + finished.stderr[-2000:]
    assert "200 files of" in finished.stdout and ", 0 findings" in finished.stdout


def check_every_command(cli: Callable[..., Any], model: Path, folder: Path) -> dict[str, str]:
    """Give the model to every command that opens one, each of which must refuse it; return what they said."""
    data, output = folder / "data.npy", folder / "out.tflite"
    np.save(data, np.zeros((2, 4), np.float32))
    commands: dict[str, tuple[object, ...]] = {
        "convert": ("-o", output),
        "doctor": ("-o", output, "--calibration", data),
        "inspect": (),
        "run": ("--input", data, "--engine", "litert"),
        "compare": (model, "--data", data),
        "bench": ("--runs", 1, "--engine", "litert"),
    }
    results = {command: cli(command, model, *rest) for command, rest in commands.items()}
    for command, result in results.items():
        assert (result.exit_code, result.stdout) == (2, ""), (command, result)
        *progress, error = result.stderr.splitlines()
        assert error.startswith("error: ") and model.name in error, (command, result.stderr)
        assert not progress or command == "doctor", (command, result.stderr)
        assert "crashed" not in result.stderr, (command, result.stderr)
    assert not output.exists()
    return {command: result.stderr.splitlines()[-1] for command, result in results.items()}


@pytest.mark.parametrize("name", LITERT_DIES_OF)
def test_what_would_kill_litert_is_refused_first(
    cli: Callable[..., Any], shared: Path, tmp_path: Path, name: str
) -> None:
    check_every_command(cli, shared / "field" / "safety" / f"{name}.tflite", tmp_path)


def test_a_damaged_tflite_is_refused_before_litert_sees_it(
    cli: Callable[..., Any], models: Path, tmp_path: Path
) -> None:
    from edgequant_converters.tflite import read_model, write_model

    model = read_model(models / "float.tflite")
    graph = model.subgraphs[0]
    graph.operators[0].inputs[0] = graph.outputs[0]  # nothing has given it a value yet
    write_model(model, tmp_path / "broken.tflite")
    said = check_every_command(cli, tmp_path / "broken.tflite", tmp_path)
    for command in ("convert", "doctor", "inspect", "run"):
        assert said[command].startswith("error: No engine can open broken.tflite: "), said[command]
