"""docs/tutorial-photo.md, command by command: from a Keras model to its answer on emulated 32-bit ARM boards."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "tutorial-photo.md"
BOARDS = {"rpi-zero": ("qemu-arm", "arm1176"), "armv7": ("qemu-arm", "cortex-a7")}
MAKE = """
import keras, numpy
keras.utils.set_random_seed(1)
inputs = keras.Input((32, 32, 3))
pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(8, 3, strides=2, activation="relu")(inputs))
network = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(pooled))
network.compile("adam", "sparse_categorical_crossentropy")
pictures, classes = (numpy.load(name) for name in ("pictures.npy", "classes.npy"))
network.optimizer.learning_rate = 0.02
network.fit(pictures / 255, classes, epochs=12, verbose=0)
network.save("pets.keras")
"""

pytestmark = [pytest.mark.slow, pytest.mark.emulated, pytest.mark.tensorflow, pytest.mark.xdist_group("program")]


def commands() -> list[str]:
    return re.findall(r"^ {4,8}((?:edgequant|\./).*)$", PAGE.read_text(encoding="utf-8"), re.M)


def pictures(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Warm and cold colours: the cats are ginger."""
    generator = np.random.default_rng(0)
    classes = generator.integers(0, 2, count)
    colours = np.array([[70, 90, 160], [200, 120, 50]])[classes][:, None, None]
    return (colours + generator.normal(size=(count, 32, 32, 3)) * 25).clip(0, 255).astype(np.uint8), classes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("tensorflow")
    folder = tmp_path_factory.mktemp("tutorial")
    images, classes = pictures(120)
    np.save(folder / "pictures.npy", images)
    np.save(folder / "classes.npy", classes)
    (folder / "photos").mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / "photos" / f"{number}.png")
    cat = images[list(classes).index(1)]
    Image.fromarray(cat).resize((320, 240)).save(folder / "photo.jpg", quality=95)
    (folder / "labels.txt").write_text("dog\ncat\n")
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    made = subprocess.run([sys.executable, "-c", MAKE], cwd=folder, capture_output=True, text=True, env=environment)
    assert made.returncode == 0, made.stderr
    return folder


def test_four_commands_here_and_one_there(
    folder: Path, cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("qemu-arm") is None:
        pytest.skip("needs qemu-user, which emulates the boards' CPUs: apt-get install qemu-user")
    pytest.importorskip("ziglang", reason="needs ziglang, which cross-compiles the programs")
    convert, run, bundle, deploy, there, *camera = commands()
    assert "--host" in deploy and "--frames" in camera[0]
    monkeypatch.chdir(folder)
    done = cli(*shlex.split(convert)[1:])
    assert done.exit_code == 0, done.stderr
    here = cli(*shlex.split(run)[1:]).stdout
    assert re.match(r"cat 0\.[5-9]\d\n|cat 1\.00\n", here)
    for target, (emulator, cpu) in BOARDS.items():
        done = cli(*shlex.split(bundle.replace("rpi-zero", target))[1:])
        assert done.exit_code == 0, done.stderr
        (folder / target).mkdir()
        subprocess.run(["tar", "xzf", "pets.tar.gz", "-C", target], check=True)
        (inside,) = (folder / target).iterdir()
        words = [emulator, "-cpu", cpu, *shlex.split(there)]
        assert subprocess.run(words, cwd=inside, capture_output=True, text=True, check=True).stdout == here
        frames = subprocess.run(
            [emulator, "-cpu", cpu, *shlex.split(camera[0])],
            cwd=inside, input=bytes([128]) * (640 * 480 * 3), capture_output=True, check=True,
        )  # fmt: skip
        assert frames.stdout.count(b"frame ") >= 1
        assert done.stdout
        assert "    cat " in (inside / "README.md").read_text()
