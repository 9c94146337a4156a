"""The README's way from a network to a Raspberry Pi, each command as it is written there."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ._sshd import SshServer

pytestmark = pytest.mark.torch_export

ROOT = Path(__file__).resolve().parents[2]
HOST = "pi@raspberrypi.local"


def commands() -> list[list[str]]:
    """The block's lines after the first, which makes `edgequant` a command of the shell."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- quick start -->\n```\n(.*?)```", readme, re.DOTALL)
    assert found
    first, *lines = found[1].splitlines()
    assert first == ". .venv/bin/activate"
    return [shlex.split(line) for line in lines]


def run(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    assert words[0] == "edgequant"
    environment = {**os.environ, "COLUMNS": "160"}
    command = [sys.executable, "-m", "edgequant", *words[1:]]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, check=False)


def test_every_command_does_what_the_readme_says(demo_output: Path, sshd: SshServer, tmp_path: Path) -> None:
    pytest.importorskip("ziglang", reason="needs ziglang, which compiles the programs")
    if not any(shutil.which(name) for name in ("qemu-aarch64", "qemu-aarch64-static")):
        pytest.skip("needs qemu-user, which emulates the boards' CPUs: apt-get install qemu-user")
    (tmp_path / "demo-output").symlink_to(demo_output)
    said = {}
    for words in commands():
        if words[1] == "deploy":
            # The loopback board is a PC, so what is deployed under the name must be for one.
            again = run(["edgequant", "bundle", "digits.tflite", "--target", "x86-64", "-o", words[2]], tmp_path)
            assert again.returncode == 0, again.stderr
        if HOST in words:
            words = [sshd.host if word == HOST else word for word in words] + ["--ssh-config", str(sshd.config)]
        finished = run(words, tmp_path)
        assert finished.returncode == 0, (words, finished.stderr)
        said[words[1]] = finished.stdout
    assert list(said) == ["convert", "check", "compare", "bundle", "smoke", "bench", "deploy"]
    assert "Take int8 with native" in said["check"]
    promised = re.search(r"^All 8 goldens agree .*$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert promised
    assert promised[0] in said["smoke"]
    current = sshd.home / "digits" / "current"
    proved = subprocess.run([current / "smoke.sh"], capture_output=True, text=True, check=False)
    assert proved.returncode == 0, proved.stdout
    image = current / "goldens" / "0" / "input-0.npy"
    subprocess.run([current / "edgequant-run", current / "model.tflite", "--input", image], check=True)
