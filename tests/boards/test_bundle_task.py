"""A bundle with a task: what a maker unpacks shows one real answer, and smoke.sh demands it."""

import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from edgequant_runtime import Task
from PIL import Image

from edgequant._bundle import BundleError, DamagedBundleError, open_bundle
from edgequant._bundle._manifest_json import read_manifest

from ._bundle_files import make

Unpacked = tuple[Path, str]


@pytest.fixture
def network(tmp_path: Path, heads: ModuleType) -> Path:
    path = tmp_path / "pets.tflite"
    path.write_bytes(heads.head([np.array([[0.07, 0.93]])]))
    (tmp_path / "labels.txt").write_text('dog\ncat "Tom\'s"\n')
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (700, 900, 3)).astype(np.uint8)).save(
        tmp_path / "photo.png"
    )
    return path


def unpacked(bundle: Path, folder: Path) -> Path:
    folder.mkdir()
    subprocess.run(["tar", "xzf", bundle, "-C", folder], check=True)
    (inside,) = folder.iterdir()
    return inside


def test_labels_and_an_example_make_a_task_with_its_answer(network: Path, tmp_path: Path) -> None:
    files = {"labels": tmp_path / "labels.txt", "example": tmp_path / "photo.png"}
    done = make(network, tmp_path / "b.tar.gz", **files)
    assert done.manifest.task is not None
    assert (done.manifest.task.input, done.manifest.task.example) == ("image", "example.ppm")
    inside = unpacked(tmp_path / "b.tar.gz", tmp_path / "unpacked")
    task = Task(inside / "model.tflite")  # which finds the task beside it
    answer = task.run(inside / "example.ppm")
    assert str(answer) == 'cat "Tom\'s" 0.93\ndog 0.07'
    assert "{" + (inside / "example.json").read_text().strip() == answer.json
    text = (inside / "README.md").read_text()
    assert "./edgequant-run model.tflite --task task.json --image example.ppm" in text
    assert '    cat "Tom\'s" 0.93\n    dog 0.07\n' in text
    with Image.open(inside / "example.ppm") as picture:
        assert picture.size == (640, 498)
    with open_bundle(tmp_path / "b.tar.gz") as opened:
        assert opened.manifest == done.manifest
    make(network, tmp_path / "again.tar.gz", **files)
    assert (tmp_path / "again.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()


def test_a_task_without_an_example(network: Path, tmp_path: Path) -> None:
    (tmp_path / "given.json").write_text('{"task": 1, "input": {"fit": "crop"}, "output": {"top": 1}}')
    done = make(network, tmp_path / "b.tar.gz", task=tmp_path / "given.json", labels=tmp_path / "labels.txt")
    assert done.manifest.task is not None and done.manifest.task.example is None
    inside = unpacked(tmp_path / "b.tar.gz", tmp_path / "unpacked")
    written = json.loads((inside / "task.json").read_text())
    assert written["input"]["fit"] == "crop"
    assert written["output"]["labels"] == ["dog", 'cat "Tom\'s"']
    assert "--image photo.ppm" in (inside / "README.md").read_text()


@pytest.mark.slow
@pytest.mark.emulated
def test_smoke_sh_demands_the_answer(network: Path, tmp_path: Path, runner_for: Callable[..., Any]) -> None:
    files = {"labels": tmp_path / "labels.txt", "example": tmp_path / "photo.png"}
    make(network, tmp_path / "b.tar.gz", runner=runner_for("x86-64"), **files)
    inside = unpacked(tmp_path / "b.tar.gz", tmp_path / "unpacked")
    done = subprocess.run(["sh", inside / "smoke.sh"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'answer for example.ppm: equal\ncat "Tom\'s" 0.93\ndog 0.07\n' in done.stdout
    assert done.stdout.endswith("are equal, bit for bit.\n")
    command = next(line for line in (inside / "README.md").read_text().splitlines() if "--image" in line)
    shown = subprocess.run(shlex.split(command), cwd=inside, capture_output=True, text=True, check=True)
    assert shown.stdout == 'cat "Tom\'s" 0.93\ndog 0.07\n'
    (inside / "example.json").write_text('"classes": []}\n')
    text = (inside / "smoke.sh").read_text().replace("if command -v sha256sum", "if false")
    (inside / "smoke.sh").write_text(text)
    done = subprocess.run(["sh", inside / "smoke.sh"], capture_output=True, text=True)
    assert (done.returncode, "answer for example.ppm: DIFFERENT" in done.stdout) == (1, True)


def test_sounds_and_lines_are_examples_too(tmp_path: Path, heads: ModuleType) -> None:
    path = tmp_path / "lines.tflite"
    path.write_bytes(heads.head([np.zeros((1, 3))], (1, 3)))
    (tmp_path / "lines.csv").write_text("1,1,1\n2,2,2\n")
    done = make(path, tmp_path / "b.tar.gz", example=tmp_path / "lines.csv")
    assert done.manifest.task is not None and done.manifest.task.example == "example.csv"
    inside = unpacked(tmp_path / "b.tar.gz", tmp_path / "unpacked")
    assert json.loads("{" + (inside / "example.json").read_text())["score"] == 4
    (tmp_path / "lines.csv").write_text("")
    with pytest.raises(BundleError, match="example is too short"):
        make(path, tmp_path / "b.tar.gz", example=tmp_path / "lines.csv")


def test_mistakes_are_told(network: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_text("no picture")
    with pytest.raises(BundleError, match=r"bad\.png cannot be used"):
        make(network, tmp_path / "b.tar.gz", example=tmp_path / "bad.png")
    with pytest.raises(BundleError, match="this bundle brings wheels"):
        make(network, tmp_path / "b.tar.gz", labels=tmp_path / "labels.txt", engine="litert", target="rpi4")
    assert not (tmp_path / "b.tar.gz").exists()


def test_a_manifest_with_another_task_is_refused(network: Path, tmp_path: Path) -> None:
    make(network, tmp_path / "b.tar.gz", labels=tmp_path / "labels.txt")
    document = json.loads((unpacked(tmp_path / "b.tar.gz", tmp_path / "unpacked") / "manifest.json").read_text())
    for change in (
        {"path": "../task.json"},
        {"input": "video"},
        {"example": "example.wav"},
        {"example": "example.ppm"},
    ):
        with pytest.raises(DamagedBundleError):
            read_manifest(json.dumps({**document, "task": {**document["task"], **change}}).encode())
