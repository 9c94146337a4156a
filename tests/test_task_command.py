"""`edgequant task init` and `edgequant run MODEL photo.jpg`: files that are whole, answers that are drawn."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from edgequant_converters import ImagePreprocessing
from edgequant_runtime import Task
from PIL import Image

from edgequant._drawing import colour_of
from edgequant._task import image_settings, write_task

Cli = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heads: ModuleType) -> Path:
    head = heads.head
    monkeypatch.chdir(tmp_path)
    found = np.zeros((1, 100, 6), np.float32)
    found[0, 0] = [0.25, 0.25, 0.75, 0.75, 0.9, 1]
    Path("detector.tflite").write_bytes(head([found]))
    Path("classes.tflite").write_bytes(head([np.array([[0.07, 0.93]])]))
    mask = np.zeros((1, 16, 16, 2), np.float32)
    mask[0, :, 8:, 1] = 1
    Path("mask.tflite").write_bytes(head([mask]))
    Path("points.tflite").write_bytes(head([np.full((1, 1, 1, 3), 0.5)]))
    Path("labels.txt").write_text("dog\ncat\n")
    Image.fromarray(np.full((80, 120, 3), 200, np.uint8)).save("photo.jpg")
    return tmp_path


def test_init_writes_a_whole_task(folder: Path, cli: Cli) -> None:
    done = cli("task", "init", "detector.tflite", "--labels", "labels.txt", "--set", "input.fit=letterbox")
    assert done.exit_code == 0, done.stderr
    written = json.loads(Path("task.json").read_text())
    assert written["output"]["labels"] == ["dog", "cat"]
    assert written["input"]["fit"] == "letterbox"
    assert written["output"]["decoder"] == "yolov10"
    assert Task("detector.tflite").to_dict() == written
    assert "detections of yolov10" in done.stdout and "run detector.tflite photo.jpg" in done.stderr + done.stdout
    done = cli(
        "task", "init", "classes.tflite", "-o", "other.json", "--images", "size=32x32 mean=0.5 std=0.25", "--json"
    )
    told = json.loads(done.stdout)
    assert told["path"] == "other.json"
    assert told["task"]["input"]["mean"] == 127.5
    assert told["task"]["input"]["std"] == 63.75


def test_init_says_what_sound_becomes(folder: Path, cli: Cli, heads: ModuleType) -> None:
    Path("kws.tflite").write_bytes(heads.head([np.array([[0.2, 0.8]])], (1, 49, 10, 1)))
    told = " ".join(cli("task", "init", "kws.tflite").stdout.split())
    assert "features mfcc of 16,000 samples a second" in told
    assert "edgequant run kws.tflite clip.wav" in told


def test_references_are_what_an_embedding_is_near_to(folder: Path, cli: Cli, heads: ModuleType) -> None:
    Path("faces.tflite").write_bytes(heads.identity((1, 8, 8, 3)))  # 192 values, which nobody has given names
    for name, colour in (("ada", (220, 60, 40)), ("grace", (30, 90, 200))):
        Image.new("RGB", (40, 40), colour).save(f"{name}.png")
    done = cli("task", "init", "faces.tflite", "--reference", "Ada=ada.png", "--reference", "Grace=grace.png")
    assert done.exit_code == 0, done.stderr
    assert "Ada, Grace" in done.stdout
    Image.new("RGB", (60, 40), (40, 80, 190)).save("who.png")
    nearest = cli("run", "faces.tflite", "who.png").stdout.splitlines()
    assert [line.split()[0] for line in nearest] == ["Grace", "Ada"]
    assert float(nearest[0].split()[1]) < 0.01 < 0.3 < float(nearest[1].split()[1])


def test_a_task_does_what_the_conversion_did_with_pictures(folder: Path, heads: ModuleType) -> None:
    Path("same.tflite").write_bytes(heads.identity((1, 12, 9, 3)))
    images = ImagePreprocessing(size=(12, 9), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), resize="crop")
    task = Task("same.tflite", write_task("same.tflite", images=images).path)
    noise = np.random.default_rng(0).integers(0, 256, (24, 40, 3)).astype(np.uint8)
    Image.fromarray(noise).save("noise.png")
    view = task._engine.input_view(0)
    task.run("noise.png")
    with Image.open("noise.png") as opened:
        expected = images.apply(opened)
    assert np.abs(view[0] - expected).max() <= 2.01 / 255 / 0.224
    assert image_settings(None) == {}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["make", "classes.tflite"], "knows init, and not make"),
        (["init", "classes.tflite", "--set", "fit=crop"], "'fit=crop' is no setting"),
        (["init", "classes.tflite", "--set", "input.fit=fill"], "'input.fit' must be one of"),
        (["init", "classes.tflite", "--kind", "detections"], "do not fit its 'output.decoder'"),
        (["init", "labels.txt"], "labels.txt is no .tflite"),
        (["init", "classes.tflite", "--reference", "Ada"], "'Ada' is no reference: write NAME=FILE"),
        (["init", "classes.tflite", "--reference", "Ada=photo.jpg"], "this task answers with classes"),
        (["init", "classes.tflite", "--reference", "Ada=ada.jpg"], "ada.jpg cannot be read"),
    ],
)
def test_mistakes_are_sentences_and_leave_no_file(folder: Path, cli: Cli, words: list[str], sentence: str) -> None:
    done = cli("task", *words)
    assert done.exit_code == 2
    assert sentence in done.stderr
    assert not Path("task.json").exists()


def test_run_answers_and_draws(folder: Path, cli: Cli) -> None:
    done = cli("run", "detector.tflite", "photo.jpg", "--labels", "labels.txt", "--draw", "found.png")
    assert done.exit_code == 0, done.stderr
    assert done.stdout == "cat 0.90 at 30, 20, 90, 60\n"
    with Image.open("found.png") as drawn:
        pixels = np.asarray(drawn)
    assert tuple(pixels[59, 60]) == colour_of(1)
    assert tuple(pixels[70, 60]) == (200, 200, 200)
    done = cli("run", "mask.tflite", "photo.jpg")
    assert done.stdout == "#0 0.50\n#1 0.50\n"
    with Image.open("photo-answer.png") as drawn:
        pixels = np.asarray(drawn)
    assert tuple(pixels[40, 10]) == (200, 200, 200)
    assert tuple(pixels[40, 110]) != (200, 200, 200)
    Path("points.json").write_text('{"task": 1, "input": {}, "output": {"kind": "keypoints", "labels": ["nose"]}}')
    assert cli("run", "points.tflite", "photo.jpg", "--task", "points.json").stdout == "nose 0.50 at 60, 40\n"


def test_run_answers_without_places(folder: Path, cli: Cli) -> None:
    done = cli("run", "classes.tflite", "photo.jpg", "photo.jpg", "--labels", "labels.txt")
    assert done.stdout == "image photo.jpg: cat 0.93, dog 0.07\n" * 2
    assert not list(folder.glob("*-answer.png"))
    done = cli("run", "classes.tflite", "photo.jpg", "--json")
    assert json.loads(done.stdout)["classes"][0]["index"] == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["classes.tflite"], "Give samples with --input, or name pictures"),
        (["classes.tflite", "photo.jpg", "--input", "x.npy"], "Answers go with --task"),
        (["classes.tflite", "photo.jpg", "--draw", "x.png"], "--draw goes with one picture"),
        (["detector.tflite", "photo.jpg", "--draw", "x.tflite"], "x.tflite has no suffix of a picture"),
        (["classes.tflite", "--input", "x.npy", "--labels", "labels.txt"], "Give samples with --input, or name"),
    ],
)
def test_mistakes_of_run_are_sentences(folder: Path, cli: Cli, words: list[str], sentence: str) -> None:
    done = cli("run", *words)
    assert done.exit_code == 2
    assert sentence in done.stderr
