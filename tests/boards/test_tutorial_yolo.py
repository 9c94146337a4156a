"""docs/tutorial-yolo.md, command by command, with a board on loopback whose camera and systemd are stand-ins."""

import json
import os
import re
import shlex
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from . import _systemd, _yolo
from ._sshd import SshServer

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tutorial-yolo.md"
# A camera: a frame of 640x480 YUV420 with a square of another colour, ten times a second.
CAMERA = """#!{python} -SE
import sys, time
y, u, v = (bytearray([value]) * size for value, size in ((110, 307200), (128, 76800), (128, 76800)))
for row in range(240, 288):
    y[row * 640 + 160 : row * 640 + 208] = bytes([125]) * 48
    u[row // 2 * 320 + 80 : row // 2 * 320 + 104] = bytes([80]) * 24
    v[row // 2 * 320 + 80 : row // 2 * 320 + 104] = bytes([203]) * 24
assert sys.argv[1:3] == ["-t", "0"]
while True:
    sys.stdout.buffer.write(y + u + v)
    time.sleep(0.1)
"""


def commands() -> list[list[str]]:
    return [shlex.split(line) for line in re.findall(r"^    edgequant (.*)$", PAGE.read_text(encoding="utf-8"), re.M)]


@pytest.mark.slow
@pytest.mark.emulated
def test_the_page(sshd: SshServer, cli: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ziglang", reason="needs ziglang, which cross-compiles the programs")
    if not any(shutil.which(name) for name in ("qemu-aarch64", "qemu-aarch64-static")):
        pytest.skip("needs qemu-user, which emulates the boards' CPUs: apt-get install qemu-user")
    monkeypatch.chdir(tmp_path)
    _yolo.desk(tmp_path)
    sshd.environment |= _systemd.install(tmp_path / "systemd")
    sshd.write_settings()
    camera = tmp_path / "systemd" / "bin" / "rpicam-vid"
    camera.write_text(CAMERA.format(python=sys.executable))
    camera.chmod(0o755)
    convert, task, run, bundle, smoke, deploy = commands()

    def done(words: list[str]) -> str:
        finished = cli(*words)
        assert finished.exit_code == 0, (words, finished.stderr)
        return str(finished.stdout)

    done(convert)
    done(task)
    inferred = json.loads((tmp_path / "task.json").read_text())
    assert inferred["output"]["decoder"] == "yolov8" and "units" not in inferred["output"]
    found = done(run)
    label, score, left, top, right, bottom = re.match(r"(\w+) (\S+) at (\d+), (\d+), (\d+), (\d+)\n", found).groups()
    assert label == "cat" and float(score) > 0.9
    assert abs(int(left) + int(right) - 2 * 184) <= 48 and abs(int(top) + int(bottom) - 2 * 264) <= 48
    with Image.open(tmp_path / "found.png") as drawn:
        assert drawn.size == (640, 480)
    done(bundle)
    assert "bit for bit" in done(smoke)
    # The loopback board is a PC, so what is deployed there must be for one.
    done([word.replace("rpi5", "x86-64") for word in bundle])
    try:
        done([sshd.host if word.startswith("pi@") else word for word in deploy] + ["--ssh-config", str(sshd.config)])
        (journal,) = (tmp_path / "systemd").glob("journal-*")
        answer = json.loads(journal.read_text().splitlines()[0])
        assert (answer["frame"], answer["detections"][0]["label"]) == (0, "cat")
    finally:
        file = tmp_path / "systemd" / "state.json"
        for process in json.loads(file.read_text())["running"].values() if file.exists() else ():
            os.killpg(process, signal.SIGKILL)
