"""edgequant-run as a maker uses it: its answers are those of Python, on every kind of CPU."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgequant_runtime import Task

from .heads import head, identity
from .test_goldens import command  # noqa: F401  (a fixture: the program on every machine)
from .test_program import program  # noqa: F401  (a fixture: the program for this machine)
from .test_task_detections import boxes_of
from .test_task_pictures import frame_of, picture, resize
from .test_task_sound import sound, wav

ZOO = Path(__file__).parents[4] / "shared" / "zoo"

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("program")]


def yolo() -> bytes:
    generator = np.random.default_rng(7)
    scores = generator.uniform(0, 0.9, (200, 5)).astype(np.float32) ** 3
    return head([np.concatenate([boxes_of(generator, 200).astype(np.float32), scores], 1).T[None]])


def faces() -> bytes:
    """Codes as BlazeFace puts them out for pictures of 64 x 64, some of which are sure."""
    generator = np.random.default_rng(8)
    codes = generator.normal(size=(1, 224, 16)) * 8
    codes[..., 2:4] = generator.uniform(5, 30, (1, 224, 2))
    return head([generator.normal(size=(1, 224, 1)) * 3 - 5, codes], (1, 64, 64, 3))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Models, tasks, a picture and a sound."""
    (tmp_path / "yolo.tflite").write_bytes(yolo())
    task = {"task": 1, "input": {"fit": "letterbox"}, "output": {"labels": ["cat", "dog", "bird", "car", "person"]}}
    (tmp_path / "yolo.json").write_text(json.dumps(task))
    (tmp_path / "faces.tflite").write_bytes(faces())
    (tmp_path / "classes.tflite").write_bytes(identity((1, 8, 8, 3)))
    (tmp_path / "mel.tflite").write_bytes(identity((1, 6, 13)))
    settings = {"kind": "audio", "features": "mfcc", "window": 400, "hop": 160, "step": 2}
    (tmp_path / "mel.json").write_text(json.dumps({"task": 1, "input": settings, "output": {"top": 3}}))
    (tmp_path / "anomaly.tflite").write_bytes(head([np.zeros((1, 12), np.float32)], (1, 12)))
    task = {"task": 1, "input": {"columns": ["x", "y", "z"], "step": 1}, "output": {"kind": "anomaly", "threshold": 4}}
    (tmp_path / "anomaly.json").write_text(json.dumps(task))
    (tmp_path / "photo.ppm").write_bytes(b"P6\n90 60\n255\n" + picture(1, 90, 60).tobytes())
    wav(tmp_path / "clip.wav", sound(1, 8000).tobytes())
    wav(tmp_path / "cd.wav", sound(2, 22050).tobytes(), rate=44100)
    return tmp_path


Run = Any


def runner(words: list[str], folder: Path) -> Run:
    def run(*arguments: object, data: bytes = b"", expect: int = 0) -> tuple[list[str], str]:
        done = subprocess.run([*words, *map(str, arguments)], input=data, capture_output=True, cwd=folder, timeout=120)
        assert done.returncode == expect, done.stderr
        return done.stdout.decode().splitlines(), done.stderr.decode()

    return run


@pytest.fixture
def run(program: Path, files: Path) -> Run:  # noqa: F811
    return runner([str(program)], files)


def answers_of(lines: list[str]) -> list[dict[str, Any]]:
    """The objects without what differs from run to run."""
    objects = [json.loads(line) for line in lines]
    for found in objects:
        assert found.pop("latency_ms") >= 0
    return objects


def test_a_photo(run: Run, files: Path) -> None:
    expected = Task(files / "yolo.tflite", files / "yolo.json").run(files / "photo.ppm")
    lines, told = run("yolo.tflite", "--task", "yolo.json", "--image", "photo.ppm")
    assert lines == str(expected).splitlines()
    assert not told
    (found,) = answers_of(run("yolo.tflite", "--task", "yolo.json", "--image", "photo.ppm", "--json", "--top", 2)[0])
    assert found == {"image": "photo.ppm", "detections": expected.to_dict()["detections"][:2]}
    (files / "labels.txt").write_text("one\ntwo\n")
    lines, _ = run("classes.tflite", "--labels", "labels.txt", "--image", "photo.ppm", "--image", "photo.ppm")
    assert len(lines) == 2
    assert all(line.startswith("image photo.ppm: #") for line in lines)


def test_frames_from_a_pipe(run: Run, files: Path) -> None:
    frames = [picture(seed, 24, 16) for seed in range(5)]
    data = b"".join(frame.tobytes() for frame in frames)
    task = Task(files / "yolo.tflite", files / "yolo.json")
    words = ["yolo.tflite", "--task", "yolo.json", "--frames", "24x16:rgb", "--json"]
    lines, told = run(*words, data=data + b"rest")
    assert answers_of(lines) == [{"frame": i, **task.run(frame).to_dict()} for i, frame in enumerate(frames)]
    assert "edgequant-run: 5 frames in" in told
    assert "the last 4 bytes are no whole frame, which has 1152" in told
    lines, told = run(*words, "--drop", data=data)
    assert answers_of(lines)[-1] == {"frame": 4, **task.run(frames[4]).to_dict()}
    assert f"{5 - len(lines)} dropped" in told
    assert run(*words, data=b"")[0] == []


@pytest.mark.parametrize("drop", [[], ["--drop"]])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_stream_well(program: Path, files: Path, drop: list[str], number: int) -> None:  # noqa: F811
    words = [program, files / "yolo.tflite", "--frames", "24x16:rgb", *drop]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        process.stdin.write(picture(1, 24, 16).tobytes())
        process.stdin.flush()
        assert process.stdout.readline().startswith(b"frame 0: ")
        os.kill(process.pid, number)
        assert process.wait(10) == 0
        assert b"1 frames in" in process.stderr.read()


def test_dropped_are_those_that_come_too_early(program: Path, files: Path) -> None:  # noqa: F811
    words = [program, files / "classes.tflite", "--frames", "24x16:rgb", "--drop", "--json"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdin is not None and process.stdout is not None
        for number in range(3):
            process.stdin.write(picture(number, 24, 16).tobytes())
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["frame"] == number
            time.sleep(0.01)
        process.stdin.close()
        assert process.wait(10) == 0


HEARING = ("mel.tflite", "--task", "mel.json", "--json", "--audio")


def heard_from_a_file_and_a_pipe(run: Run, files: Path, name: str) -> list[dict[str, Any]]:
    """Return what Python hears in a file, which is what the program hears."""
    expected = [
        {"seconds": pytest.approx(heard.seconds, abs=1e-3), **heard.answer.to_dict()}
        for heard in Task(files / "mel.tflite", files / "mel.json").listen(files / name)
    ]
    assert len(expected) > 10
    assert answers_of(run(*HEARING, name)[0]) == expected
    assert answers_of(run(*HEARING, "-", data=(files / name).read_bytes())[0]) == expected
    return expected


def test_sound_from_a_file_and_a_pipe(run: Run, files: Path) -> None:
    expected = heard_from_a_file_and_a_pipe(run, files, "clip.wav")
    assert answers_of(run(*HEARING, "-", data=sound(1, 8000).tobytes())[0]) == expected
    endless = (files / "clip.wav").read_bytes().replace(b"data\x80\x3e\0\0", b"data\xff\xff\xff\xff")
    assert answers_of(run(*HEARING, "-", data=endless)[0]) == expected


def test_sound_of_another_rate(run: Run, files: Path) -> None:
    heard_from_a_file_and_a_pipe(run, files, "cd.wav")
    wav(files / "odd.wav", bytes(2000), rate=44111)
    _, told = run(*HEARING, "odd.wav", expect=2)
    assert told.startswith("edgequant-run: odd.wav: it has 44111 samples a second, which have no simple ratio")


def test_lines_of_numbers(run: Run, files: Path) -> None:
    text = "x,y,z\n" + "1,1,1\n" * 4 + "2;2 3\nbroken\n1,2\n\n9 9\t9"
    (files / "lines.csv").write_text(text)
    expected = [
        {"line": 5, "score": 1, "threshold": 4, "is_anomaly": False},
        {"line": 6, "score": pytest.approx((9 + 17) / 12), "threshold": 4, "is_anomaly": False},
        {"line": 10, "score": pytest.approx((6 + 17 + 243) / 12), "threshold": 4, "is_anomaly": True},
    ]
    for source, data in (("lines.csv", b""), ("-", text.encode())):
        lines, told = run("anomaly.tflite", "--task", "anomaly.json", "--lines", source, "--json", data=data)
        assert answers_of(lines) == expected
        assert "line 7 is left out" in told
        assert "line 8 is left out" in told
    assert run("anomaly.tflite", "--task", "anomaly.json", "--lines", "lines.csv")[0][-1] == "line 10: 22.17 anomaly"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--image", "absent.ppm"], "absent.ppm cannot be read: No such file"),
        (["--image", "yolo.json"], "yolo.json: it is no binary PPM or PGM file"),
        (["--image", "photo.ppm", "--audio", "clip.wav"], "give one of --image"),
        (["--task", "yolo.json"], "--task, --labels, --top and --drop go with --image"),
        (["--image", "photo.ppm", "--drop"], "--drop goes with --frames"),
        (["--image", "photo.ppm", "--repeat", "3"], "answers go with --task"),
        (["--audio", "clip.wav"], "--audio does not fit the task, which takes pictures: --image or --frames"),
        (["--frames", "3x3"], "--frames: '3x3' are no frames: give WIDTHxHEIGHT:FORMAT"),
        (["--image", "photo.ppm", "--task", "clip.wav"], "clip.wav: it is no JSON: line 1"),
        (["--image", "photo.ppm", "--top", "0"], "--top 0: give a number from 1 to 1000"),
    ],
)
def test_mistakes_are_sentences(run: Run, arguments: list[str], sentence: str) -> None:
    lines, told = run("yolo.tflite", *arguments, expect=2)
    assert not lines
    assert told.startswith(f"edgequant-run: {sentence}")
    assert told.count("\n") == 1


@pytest.mark.emulated
def test_the_same_answers_on_every_cpu(command: list[str], files: Path) -> None:  # noqa: F811
    run = runner(command, files)
    picture_of = Task(files / "yolo.tflite", files / "yolo.json").run(files / "photo.ppm").to_dict()
    words = ["yolo.tflite", "--task", "yolo.json", "--json"]
    assert answers_of(run(*words, "--image", "photo.ppm")[0]) == [{"image": "photo.ppm", **picture_of}]
    found = Task(files / "faces.tflite").run(files / "photo.ppm").to_dict()
    assert len(found["detections"]) > 5
    assert answers_of(run("faces.tflite", "--image", "photo.ppm", "--json")[0]) == [{"image": "photo.ppm", **found}]
    pixels = picture(3, 30, 20)
    data = pixels[..., 0].tobytes() + pixels[:10, :15, 1].tobytes() + pixels[:10, :15, 2].tobytes()
    (video,) = answers_of(run("classes.tflite", "--frames", "30x20:yuv420", "--json", data=data)[0])
    resized = resize(frame_of("yuv420", 30, 20, data), "stretch", 8, 8)
    assert video == {"frame": 0, **Task(files / "classes.tflite").run(resized).to_dict()}
    for clip in ("clip.wav", "cd.wav"):
        heard = [h.answer.to_dict() for h in Task(files / "mel.tflite", files / "mel.json").listen(files / clip)]
        answers = answers_of(run("mel.tflite", "--task", "mel.json", "--json", "--audio", clip)[0])
        assert [{key: value for key, value in answer.items() if key != "seconds"} for answer in answers] == heard
    for name in ("esphome__v2_okay_nabu", "support__coco_ssd_mobilenet_v1_1.0_quant_2018_06_29"):
        path = ZOO / f"{name}.tflite"
        if not path.is_file():
            continue
        if "ssd" in name:
            expected = Task(path, labels=["person"]).run(files / "photo.ppm").to_dict()
            (files / "labels.txt").write_text("person\n")
            (answer,) = answers_of(run(path, "--labels", "labels.txt", "--image", "photo.ppm", "--json")[0])
            assert answer == {"image": "photo.ppm", **expected}
        else:
            heard = [h.answer.to_dict() for h in Task(path).listen(files / "clip.wav")]
            found = answers_of(run(path, "--json", "--audio", "clip.wav")[0])
            assert [answer["classes"] for answer in found] == [answer["classes"] for answer in heard]
