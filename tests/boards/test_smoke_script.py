"""smoke.sh: any POSIX shell, nothing but the bundle, and a sentence for each way in which a board says no."""

import os
import platform
import shutil
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgequant._targets import Runner

from ._bundle_files import make, stand_in

pytestmark = pytest.mark.slow

SHELLS = (["dash"], ["busybox", "sh"], ["bash", "--posix"], ["mksh"], ["zsh", "--emulate", "sh"])
PRESENT = [shell for shell in SHELLS if shutil.which(shell[0])]


@pytest.fixture(params=PRESENT, ids=lambda shell: shell[0])
def shell(request: pytest.FixtureRequest) -> list[str]:
    return list(request.param)


def unpacked(bundle: Path, folder: Path) -> Path:
    with tarfile.open(bundle) as archive:
        archive.extractall(folder, filter="data")
    return next(folder.iterdir())


@pytest.fixture(scope="module")
def archive(models: Path, local_runner: Runner, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("smoke script") / "b.tar.gz"
    make(models / "int8.tflite", path, target="x86-64", runner=local_runner)
    return path


@pytest.fixture
def folder(archive: Path, tmp_path: Path) -> Iterator[Path]:
    """The unpacked bundle, in a folder with an awkward name."""
    place = tmp_path / 'it\'s a "bundle" $HOME'
    place.mkdir()
    yield unpacked(archive, place)
    subprocess.run(["chmod", "-R", "u+w", place], check=True)


def run(shell: list[str], script: Path | str, **options: Any) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*shell, str(script)], capture_output=True, text=True, timeout=60, **options)


def seal(folder: Path) -> None:
    """Make SHA256SUMS fit what is there now: whoever changes the files on purpose."""
    names = sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
    sums = subprocess.run(["sha256sum", *(n for n in names if n != "SHA256SUMS")], cwd=folder, capture_output=True)
    (folder / "SHA256SUMS").write_bytes(sums.stdout)


def test_every_golden_is_told_in_a_line(shell: list[str], folder: Path) -> None:
    done = run(shell, "smoke.sh", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[:2] == ["golden 0 (random): equal", "golden 1 (random): equal"]
    assert lines[5:8] == ["golden 5 (lowest): equal", "golden 6 (highest): equal", "golden 7 (zero): equal"]
    assert lines[9] == "All 9 goldens are equal, bit for bit."


def test_it_runs_from_elsewhere_and_where_nothing_may_be_written(
    shell: list[str], folder: Path, tmp_path: Path
) -> None:
    for path in [folder, *folder.rglob("*")]:
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = tmp_path / "-link"
    link.symlink_to(folder)
    for script in (folder / "smoke.sh", "../-link/smoke.sh", os.path.relpath(folder / "smoke.sh", elsewhere)):
        done = run(shell, script, cwd=elsewhere, env={"PATH": os.environ["PATH"], "CDPATH": "/"})
        assert done.returncode == 0, done.stderr
    assert not [*elsewhere.iterdir()]


def test_it_is_executable_by_itself(folder: Path) -> None:
    assert subprocess.run([folder / "smoke.sh"], capture_output=True).returncode == 0


@pytest.mark.parametrize("name", ["model.tflite", "edgequant-run", "goldens/3/output-0.npy", "manifest.json"])
def test_a_damaged_file_is_named(shell: list[str], folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    done = run(shell, "smoke.sh", cwd=folder)
    assert done.returncode == 2 and "damaged" in done.stderr and name in done.stderr


@pytest.mark.parametrize("change", ["no lines", "no file"])
def test_sums_that_say_nothing_are_damage(shell: list[str], folder: Path, change: str) -> None:
    (folder / "SHA256SUMS").unlink()
    if change == "no lines":
        (folder / "SHA256SUMS").write_text("nothing of the kind\n")
    done = run(shell, "smoke.sh", cwd=folder)
    assert done.returncode == 2 and "This bundle is damaged" in done.stderr and "SHA256SUMS" in done.stderr


@pytest.mark.parametrize("change", ["a line that means nothing", "one line"])
def test_every_file_has_to_have_its_sum(shell: list[str], folder: Path, change: str) -> None:
    """GNU's sha256sum passes over what it cannot read, and over what is not there."""
    lines = (folder / "SHA256SUMS").read_text().splitlines(keepends=True)
    changed = lines[:1] if change == "one line" else [*lines[:2], "Z" + lines[2][1:], *lines[3:]]
    (folder / "SHA256SUMS").write_text("".join(changed))
    (folder / lines[2].split()[1]).write_text("damaged")
    done = run(shell, "smoke.sh", cwd=folder)
    assert done.returncode == 2 and "This bundle is damaged" in done.stderr and "OK" not in done.stderr


def test_a_missing_file_is_named(shell: list[str], folder: Path) -> None:
    (folder / "goldens/3/output-0.npy").unlink()
    done = run(shell, "smoke.sh", cwd=folder)
    assert done.returncode == 2 and "goldens/3/output-0.npy" in done.stderr and "OK" not in done.stderr


def test_a_difference_is_told_and_the_other_goldens_still_run(shell: list[str], folder: Path) -> None:
    np.save(folder / "goldens/5/input-0.npy", np.full((1, 4), 100, np.int8))
    seal(folder)
    done = run(shell, "smoke.sh", cwd=folder)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[5] == "golden 5 (lowest): DIFFERENT" and lines[8] == "golden 8 (alternating): equal"
    assert lines[9] == "1 of 9 goldens differ."


@pytest.mark.skipif(not shutil.which("busybox"), reason="needs busybox")
def test_without_sha256sum_it_says_so_and_runs(folder: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("dirname", "uname"):
        (tools / tool).symlink_to(shutil.which(tool) or "")
    done = run([shutil.which("dash") or shutil.which("sh") or "sh"], "smoke.sh", cwd=folder, env={"PATH": str(tools)})
    assert done.returncode == 0 and done.stdout.startswith("note: there is no sha256sum here")


PROGRAMS = {
    "an illegal instruction": ("kill -ILL $$", "edgequant-run met an illegal instruction: this CPU lacks"),
    "no memory": ("kill -KILL $$", "edgequant-run was killed, probably because memory ran out"),
    "another version": ("echo edgequant-run 9.9.9", "edgequant-run cannot run here"),
    "an error of its own": (
        "[ $1 = --version ] && echo edgequant-run 0.1.0 || { echo edgequant-run: oh no >&2; exit 2; }",
        "edgequant-run: oh no",
    ),
    "an error of the system": ("echo it is broken >&2; exit 127", "(exit code 127): it is a program for"),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_that_fails_is_explained(shell: list[str], models: Path, tmp_path: Path, program: str) -> None:
    text, sentence = PROGRAMS[program]
    runner = stand_in(tmp_path / "r", script=text)
    make(models / "int8.tflite", tmp_path / "b.tar.gz", runner=runner)
    done = run(shell, unpacked(tmp_path / "b.tar.gz", tmp_path / "x") / "smoke.sh")
    assert done.returncode == 2 and sentence in done.stderr


def test_assumed_features_are_named(models: Path, tmp_path: Path) -> None:
    made = stand_in(tmp_path / "r", target="rpi5")
    runner = Runner(made.program, made.library, made.family, made.version, ("dotprod", "fp16"))
    make(models / "int8.tflite", tmp_path / "b.tar.gz", target="rpi5", runner=runner)
    script = (unpacked(tmp_path / "b.tar.gz", tmp_path / "x") / "smoke.sh").read_text()
    assert "was built for (dotprod, fp16). Make the bundle for this board" in script


def test_a_bundle_for_another_processor_is_a_sentence(shell: list[str], models: Path, tmp_path: Path) -> None:
    other = "x86-64" if platform.machine() != "x86_64" else "rpi4"
    make(models / "int8.tflite", tmp_path / "b.tar.gz", target=other)
    done = run(shell, unpacked(tmp_path / "b.tar.gz", tmp_path / "x") / "smoke.sh")
    assert done.returncode == 2 and f"and this is {platform.machine()}: make the bundle for this board" in done.stderr


def test_a_folder_without_executables_is_a_sentence(shell: list[str], folder: Path) -> None:
    (folder / "edgequant-run").chmod(0o644)
    done = run(shell, "smoke.sh", cwd=folder)
    assert done.returncode == 2 and "must lie where programs may run" in done.stderr


def test_several_outputs_are_compared_in_their_order(shell: list[str], models: Path, tmp_path: Path) -> None:
    """Two outputs that were exchanged are a difference, though both digests are there."""
    text = """[ $1 = --version ] && echo edgequant-run 0.1.0 && exit
printf '{"outputs": [{"sha256": "%s"}, {"sha256": "%s"}]}' FIRST SECOND"""
    model, path = models / "two_inputs.tflite", tmp_path / "b.tar.gz"
    golden = make(model, path, engine="native", runner=stand_in(tmp_path / "r"), goldens=1).manifest.goldens[0]
    first, second = (tensor.data_sha256 for tensor in golden.outputs)
    for words, code in (
        ((first, second), "golden 0 (random): equal"),
        ((second, first), "golden 0 (random): DIFFERENT"),
    ):
        script = text.replace("FIRST", words[0]).replace("SECOND", words[1])
        make(model, path, engine="native", runner=stand_in(tmp_path / "r", script), goldens=1)
        folder = unpacked(path, tmp_path / words[0][:4])
        assert run(shell, folder / "smoke.sh").stdout.splitlines()[0] == code


def test_shellcheck_finds_nothing(archive: Path, models: Path, tmp_path: Path) -> None:
    if not shutil.which("shellcheck"):
        pytest.skip("needs shellcheck")
    make(models / "float.onnx", tmp_path / "w.tar.gz", target="rpi4")
    for bundle, name in ((archive, "with runner"), (tmp_path / "w.tar.gz", "with wheels")):
        script = unpacked(bundle, tmp_path / name) / "smoke.sh"
        checked = subprocess.run(["shellcheck", "--shell=sh", script], capture_output=True, text=True)
        assert checked.returncode == 0, checked.stdout


def test_with_wheels_it_starts_python(shell: list[str], models: Path, tmp_path: Path, cli: Callable[..., Any]) -> None:
    make(models / "int8.tflite", tmp_path / "b.tar.gz", target="rpi4", engine="litert", goldens=1)
    folder = unpacked(tmp_path / "b.tar.gz", tmp_path / "x")
    environment = {"PATH": os.environ["PATH"], "PYTHON": sys.executable}
    done = run(shell, folder / "smoke.sh", env=environment)
    assert done.returncode == 0 and '"result": "equal"' in done.stdout
    missing = run(shell, folder / "smoke.sh", env=environment | {"PYTHON": "no-python"})
    assert missing.returncode == 2 and "There is no no-python: this bundle needs Python" in missing.stderr
