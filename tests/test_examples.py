"""Every command of the examples is run as their pages write it, on models, frames and sounds that the test makes."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import wave
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
FOLDERS = sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir())
CSRC = ROOT / "runtime" / "csrc"
BOARDS = {"rpi-zero": ("qemu-arm", "arm1176"), "rpi4": ("qemu-aarch64", "cortex-a72")}
# What starts with these needs a camera or a microphone, or never ends.
HARDWARE = ("rpicam-vid", "arecord")

LATENCY = re.compile(r'"latency_ms": [0-9.]+, ')

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("program")]


def commands(name: str) -> list[str]:
    """The indented lines of a page that are commands, each with the lines that go on behind a pipe."""
    text = (EXAMPLES / name / "README.md").read_text(encoding="utf-8")
    found = re.findall(
        r"^    ((?:edgequant-run|python|cat [a-z]+\.|cmake|cc|\./|perl|rpicam-vid|arecord).*?(?:\|\n.*)?)$", text, re.M
    )
    return [command.replace("\n", " ") for command in found]


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which edgequant-run and this Python are on the PATH."""
    if not all(shutil.which(tool) for tool in ("cmake", "cc")):
        pytest.skip("needs cmake and a C compiler")
    build, binaries = ROOT / "build" / "ctest" / "native", tmp_path_factory.mktemp("bin")
    for words in (["-S", CSRC, "-B", build, "-G", "Ninja"], ["--build", build, "--target", "edgequant-run"]):
        done = subprocess.run(["cmake", *words], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    (binaries / "edgequant-run").symlink_to(build / "edgequant-run")
    path = f"{binaries}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path}


@pytest.fixture
def desk(tmp_path: Path, heads: ModuleType) -> Path:
    """A folder with the examples in it, each with the files that its page speaks of."""
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    (tmp_path / "runtime").symlink_to(ROOT / "runtime")
    desk = tmp_path / "examples"
    classes = heads.head([np.array([[0.05, 0.93, 0.02]])])
    boxes = np.zeros((1, 100, 6), np.float32)
    boxes[0, 0] = [0.5, 0.5, 0.5, 0.5, 0.9, 0.1]
    detector = heads.head([boxes.transpose(0, 2, 1)])
    frames = bytes([120]) * (640 * 480 * 3 // 2) * 2
    task = re.findall(r"^    (\{.*\})$", (EXAMPLES / "camera" / "README.md").read_text(), re.M)[0]
    for name in ("photo", "c_program"):
        (desk / name / "model.tflite").write_bytes(classes)
        (desk / name / "labels.txt").write_text("dog\ncat\nbird\n")
        Image.new("RGB", (60, 40), (200, 100, 50)).save(desk / name / "photo.ppm")
        Image.new("RGB", (60, 40), (200, 100, 50)).save(desk / name / "photo.png")
    for name in ("camera", "perl_pipe", "web_page"):
        (desk / name / "detector.tflite").write_bytes(detector)
        (desk / name / "task.json").write_text(task)
        (desk / name / "frames.yuv").write_bytes(frames)
    (desk / "wake_word" / "wakeword.tflite").write_bytes(heads.head([np.array([[0.9]])], (1, 3, 40)))
    with wave.open(str(desk / "wake_word" / "clip.wav"), "wb") as clip:
        clip.setnchannels(1)
        clip.setsampwidth(2)
        clip.setframerate(16000)
        clip.writeframes(bytes(2 * 16000))
    (desk / "sensors" / "autoencoder.tflite").write_bytes(heads.head([np.zeros((1, 3))], (1, 3)))
    page = (EXAMPLES / "sensors" / "README.md").read_text(encoding="utf-8")
    (desk / "sensors" / "task.json").write_text(re.findall(r"^    (\{.*(?:\n     .*)*)", page, re.M)[0])
    (desk / "sensors" / "lines.csv").write_text("x,y,z\n0,0,9.8\n0.1,0,9.7\n5,0,13\n")
    return desk


def run(command: str, folder: Path, tools: dict[str, str]) -> str:
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=tools, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_every_example_is_in_the_list_and_has_a_page_of_one_page() -> None:
    listed = re.findall(r"\]\((\w+)/README.md\)", (EXAMPLES / "README.md").read_text())
    assert sorted(listed) == FOLDERS
    for name in FOLDERS:
        assert len((EXAMPLES / name / "README.md").read_text().splitlines()) <= 60
        assert commands(name)


def test_photo(desk: Path, tools: dict[str, str]) -> None:
    printed = {run(command, desk / "photo", tools) for command in commands("photo")}
    assert printed == {"cat 0.93\ndog 0.05\nbird 0.02\n"}
    (snippet,) = re.findall(r"```python\n(.*?)```", (EXAMPLES / "photo" / "README.md").read_text(), re.S)
    (desk / "photo" / "snippet.py").write_text(snippet)
    assert run("python snippet.py", desk / "photo", tools).splitlines()[0] == "cat 0.93"


def test_camera(desk: Path, tools: dict[str, str]) -> None:
    live, recorded = commands("camera")
    answers = [json.loads(line) for line in run(recorded, desk / "camera", tools).splitlines()]
    assert [answer["frame"] for answer in answers] == [0, 1]
    assert answers[0]["detections"][0]["label"] == "cat"
    assert live.startswith(HARDWARE)
    program = live.partition("|")[2].strip()
    assert "cat 0.90 at" in run(f"cat frames.yuv | {program}", desk / "camera", tools)


def test_wake_word(desk: Path, tools: dict[str, str]) -> None:
    live, recorded, listening = commands("wake_word")
    scores = [json.loads(line)["classes"][0]["score"] for line in run(recorded, desk / "wake_word", tools).splitlines()]
    assert len(scores) == 32
    assert run(listening, desk / "wake_word", tools).startswith("heard at 0.2 s\n")
    samples = "tail -c +45 clip.wav"
    assert run(f"{samples} | {live.partition('|')[2].strip()}", desk / "wake_word", tools).count("#0 0.90") == 32
    piped = run(f"{samples} | python listen.py wakeword.tflite -", desk / "wake_word", tools)
    assert piped == run(listening, desk / "wake_word", tools)


def test_sensors(desk: Path, tools: dict[str, str]) -> None:
    (command,) = commands("sensors")
    answers = [json.loads(line) for line in run(command, desk / "sensors", tools).splitlines()]
    assert [(answer["line"], answer["is_anomaly"]) for answer in answers] == [(2, False), (3, False), (4, True)]


def test_c_program(desk: Path, tools: dict[str, str]) -> None:
    *made, last = commands("c_program")
    for command in made:
        run(command, desk / "c_program", tools)
    assert run(last, desk / "c_program", tools) == "cat 0.93\ndog 0.05\nbird 0.02\n"


def test_perl_pipe(desk: Path, tools: dict[str, str]) -> None:
    if shutil.which("perl") is None or subprocess.run(["perl", "-MJSON::PP", "-e", "1"]).returncode:
        pytest.skip("needs perl with its core modules")
    (command,) = commands("perl_pipe")
    assert run(command, desk / "perl_pipe", tools) == "frame 0: 1 cat\nframe 1: 1 cat\n"


@pytest.mark.emulated
@pytest.mark.parametrize("board", BOARDS)
def test_programs_print_the_same_on_emulated_boards(
    board: str, desk: Path, tools: dict[str, str], runner_for: Callable[..., Any], tmp_path: Path
) -> None:
    emulator, cpu = BOARDS[board]
    if shutil.which(emulator) is None:
        pytest.skip("needs qemu-user, which emulates the boards' CPUs: apt-get install qemu-user")
    (tmp_path / "edgequant-run").write_text(f'#!/bin/sh\nexec {emulator} -cpu {cpu} {runner_for(board).program} "$@"\n')
    (tmp_path / "edgequant-run").chmod(0o755)
    there = {**tools, "PATH": f"{tmp_path}:{tools['PATH']}"}
    recorded = {
        name: [command for command in commands(name) if not command.startswith((*HARDWARE, "python"))]
        for name in ("photo", "camera", "wake_word", "sensors", *(["perl_pipe"] if shutil.which("perl") else []))
    }
    assert all(len(found) == 1 for found in recorded.values())
    for name, (command,) in recorded.items():
        here, on_board = (LATENCY.sub("", run(command, desk / name, where)) for where in (tools, there))
        assert here == on_board != ""


def test_web_page(desk: Path, tools: dict[str, str]) -> None:
    command = commands("web_page")[-1]
    words = ["bash", "-c", f"exec {command}"]
    with subprocess.Popen(words, cwd=desk / "web_page", env=tools, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().decode().strip()
            assert address == "http://127.0.0.1:8123"
            answer: dict[str, object] = {}
            for _ in range(100):
                with urllib.request.urlopen(f"{address}/answer.json") as page:
                    answer = json.load(page)
                if answer.get("frame") == 1:
                    break
                time.sleep(0.1)
            assert answer["frame"] == 1
            with urllib.request.urlopen(f"{address}/frame.jpg") as page, Image.open(page) as picture:
                assert picture.size == (640, 480)
            with urllib.request.urlopen(address) as page:
                assert b"/frame.jpg" in page.read()
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(f"{address}/etc/passwd")
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)
