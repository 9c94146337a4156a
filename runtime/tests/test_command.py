"""`python -m edgequant_runtime`: the answers of Task, printed; mistakes as sentences."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgequant_runtime import Task
from edgequant_runtime.__main__ import main

from .native.heads import head
from .native.test_task_sound import sound, wav


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("model.tflite").write_bytes(head([np.array([[0.07, 0.93, 0]])]))
    Path("labels.txt").write_text("dog\ncat\n")
    Path("photo.ppm").write_bytes(b"P6\n4 4\n255\n" + bytes(48))
    return tmp_path


def test_a_photo_and_its_labels(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model.tflite", "photo.ppm", "--labels", "labels.txt", "--top", "2"]) == 0
    assert capsys.readouterr().out == "cat 0.93\ndog 0.07\n"
    assert main(["model.tflite", "photo.ppm", "photo.ppm", "--labels", "labels.txt"]) == 0
    assert capsys.readouterr().out == "image photo.ppm: cat 0.93, dog 0.07, #2 0.00\n" * 2
    assert main(["model.tflite", "photo.ppm", "--json"]) == 0
    answer = Task("model.tflite").run("photo.ppm").to_dict()
    assert json.loads(capsys.readouterr().out) == {"image": "photo.ppm", **answer}


def test_sounds_and_lines(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("heard.tflite").write_bytes(head([np.array([[0.5]])], (1, 5, 40)))
    wav(Path("clip.wav"), sound(1, 4000).tobytes())
    assert main(["heard.tflite", "clip.wav"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "seconds 0.07: #0 0.50"
    Path("lines.tflite").write_bytes(head([np.zeros((1, 3))], (1, 3)))
    Path("task.json").write_text('{"task": 1, "input": {}, "output": {"kind": "anomaly", "threshold": 2}}')
    Path("lines.csv").write_text("x,y,z\n1,1,1\n\n2,2,2\n")
    assert main(["lines.tflite", "lines.csv"]) == 0
    assert capsys.readouterr().out == "line 2: 1\nline 4: 4 anomaly\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["absent.tflite", "photo.ppm"], "error: There is no file absent.tflite."),
        (["model.tflite", "absent.ppm"], "error: absent.ppm cannot be read: No such file or directory."),
        (["model.tflite", "photo.ppm", "--top", "0"], "error: The task of model.tflite: its 'output.top' must be"),
        (["model.tflite", "photo.ppm", "--labels", "absent.txt"], "error: absent.txt cannot be read"),
    ],
)
def test_mistakes_are_sentences(
    folder: Path, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert capsys.readouterr().err.startswith(sentence)


def test_it_starts_as_a_module(folder: Path) -> None:
    words = [sys.executable, "-m", "edgequant_runtime", "model.tflite", "photo.ppm"]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout.startswith("#1 0.93\n")
