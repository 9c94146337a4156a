"""The wheels of edgequant_runtime: built for a board, and refused by the check when anything about them is wrong."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import numpy as np
import packaging.tags
import pytest

from edgequant._bundle import open_bundle
from edgequant._targets import TargetError, build_wheel, find_target
from edgequant._targets._elf import read_elf

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "wheels"
LIBRARY = "edgequant_runtime/_engines/libedgequant.so"
INFO = "edgequant_runtime-0.1.0.dist-info"
pytestmark = [pytest.mark.emulated, pytest.mark.xdist_group("runners")]

Files = dict[str, bytes]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("ziglang", reason="needs ziglang, which compiles the library")
    folder = tmp_path_factory.mktemp("wheels with spaces")
    result = run("--machine", "armv6l", "--output", folder)
    assert result.returncode == 0, result.stdout + result.stderr
    (made,) = folder.iterdir()
    return made


def read(wheel: Path) -> Files:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(files: Files, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def with_record(files: Files) -> Files:
    """Make the RECORD true again, so that only what was changed is wrong."""

    def row(name: str, content: bytes) -> str:
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        return f"{name},sha256={digest},{len(content)}\n"

    record = f"{INFO}/RECORD"
    rows = "".join(row(name, content) for name, content in files.items() if name != record)
    return {**files, record: f"{rows}{record},,\n".encode()}


def compile_library(folder: Path, target: str, needs: str, version: str) -> bytes:
    """Compile a library that needs one function of another library, in a version of its name."""
    zig = [sys.executable, "-m", "ziglang", "cc", "-target", target, "-shared", "-fPIC", "-nostdlib"]
    (folder / "needed.c").write_text("int needed(void) { return 0; }")
    (folder / "needed.map").write_text(f"{version} {{ needed; }};")
    (folder / "library.c").write_text("int needed(void); int library(void) { return needed(); }")
    versions = f"-Wl,-soname,{needs},--version-script={folder / 'needed.map'}"
    subprocess.run([*zig, versions, "-o", folder / needs, folder / "needed.c"], check=True)
    subprocess.run([*zig, "-o", folder / "library.so", folder / "library.c", folder / needs], check=True)
    return (folder / "library.so").read_bytes()


def test_a_built_wheel_is_sound_and_has_the_tag_that_pip_takes_on_armv6(wheel: Path) -> None:
    assert wheel.name == "edgequant_runtime-0.1.0-py3-none-linux_armv6l.whl"
    assert run("--check", wheel).returncode == 0
    files = read(wheel)
    assert b"Tag: py3-none-linux_armv6l\n" in files[f"{INFO}/WHEEL"]
    assert LIBRARY in files


def test_a_wheel_has_the_same_bytes_again_whatever_the_times_and_permissions(wheel: Path, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        again = build_wheel(find_target("armv6"), tmp_path / "again").path
    finally:
        os.umask(before)
    assert again.read_bytes() == wheel.read_bytes()
    with zipfile.ZipFile(again) as archive:
        assert {(entry.date_time, entry.external_attr >> 16) for entry in archive.infolist()} == {
            ((1980, 1, 1, 0, 0, 0), 0o100644)
        }


def test_a_wheel_has_the_python_files_that_are_installed_here(wheel: Path) -> None:
    package = ROOT / "runtime" / "src"
    files = {name: data for name, data in read(wheel).items() if name.endswith(".py")}
    assert files == {path.relative_to(package).as_posix(): path.read_bytes() for path in package.rglob("*.py")}
    assert b"Requires-Dist: numpy" in read(wheel)[f"{INFO}/METADATA"]
    assert read(wheel)[f"{INFO}/licenses/LICENSE"] == (ROOT / "runtime" / "LICENSE").read_bytes()


def test_the_command_builds_one_wheel_for_boards_of_one_kind(
    wheel: Path, cli: Callable[..., Any], tmp_path: Path
) -> None:
    done = cli("wheel", "--target", "rpi-zero", "--target", "armv6l", "-o", tmp_path, "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    (row,) = json.loads(done.stdout)["wheels"]
    content = (tmp_path / wheel.name).read_bytes()
    assert content == wheel.read_bytes()
    assert row == {
        "targets": ["rpi-zero"], "family": "armv6", "path": str(tmp_path / wheel.name), "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == [wheel.name]


@pytest.mark.nightly
def test_pip_installs_a_wheel_and_it_gives_the_goldens_here(tmp_path: Path) -> None:
    pytest.importorskip("ziglang", reason="needs ziglang, which compiles the library")
    made = build_wheel(find_target("x86-64"), tmp_path).path
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--disable-pip-version-check"]
    subprocess.run([*pip, "--target", tmp_path / "site", made], check=True)
    program = (
        "import sys, numpy as np, edgequant_runtime as r; session = r.Session(sys.argv[1], engine='native');"
        "print(r.__file__, *session.run(np.load(sys.argv[2]), raw=True)['probabilities'].ravel())"
    )
    with open_bundle(Path(__file__).parent / "fixtures" / "schema-1" / "x86-64.tar.gz") as bundle:
        golden = bundle.manifest.goldens[0]
        expected = np.load(bundle.folder / golden.outputs[0].path).ravel()
        files = [bundle.folder / bundle.manifest.model.path, bundle.folder / golden.inputs[0].path]
        # -S: this environment has an editable install, which comes before all else.
        environment = {**os.environ, "PYTHONPATH": f"{tmp_path / 'site'}:{Path(np.__file__).parents[1]}"}
        command = [sys.executable, "-S", "-c", program, *files]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    place, *values = done.stdout.split()
    assert Path(place).is_relative_to(tmp_path / "site")
    assert [int(value) for value in values] == list(expected)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Give --target for each target to build for, or --all for all of them."),
        (["--target", "rpi4", "--all"], "Give --target for each target"),
        (["--target", "rpi9"], "There is no target 'rpi9'"),
    ],
)
def test_a_mistake_is_a_sentence(cli: Callable[..., Any], tmp_path: Path, arguments: list[str], sentence: str) -> None:
    done = cli("wheel", *arguments, "-o", tmp_path / "wheels")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {sentence}")
    assert not (tmp_path / "wheels").exists()


def test_a_runtime_of_another_version_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = SimpleNamespace(version="9.9.9", read_text=lambda _: "")
    monkeypatch.setattr("edgequant._targets._wheel.metadata.distribution", lambda _: other)
    with pytest.raises(
        TargetError, match=r"edgequant-runtime 9\.9\.9 is installed with the C sources of 0\.1\.0: install"
    ):
        build_wheel(find_target("armv6"), tmp_path)
    assert not list(tmp_path.iterdir())


ARMV7 = "manylinux2014_armv7l.manylinux_2_17_armv7l"


def renamed_to_armv7(files: Files) -> Files:
    tags = b"".join(b"Tag: py3-none-%s\n" % tag.encode() for tag in ARMV7.split("."))
    head = files[f"{INFO}/WHEEL"].partition(b"Tag: ")[0]
    return with_record({**files, f"{INFO}/WHEEL": head + tags})


def changed(name: str, change: Callable[[bytes], bytes]) -> Callable[[Files], Files]:
    return lambda files: with_record({**files, name: change(files[name])})


FAULTS: dict[str, tuple[str, Callable[[Files], Files], str]] = {
    "another processor": (ARMV7, renamed_to_armv7, "its library: it is for armv6, 32 bit, and not for armv7"),
    "tags not those of the name": (ARMV7, with_record, "not those of its name"),
    "unknown tag": ("linux_armv8l", with_record, "unknown tags: py3-none-linux_armv8l"),
    "cut library": (
        "linux_armv6l",
        changed(LIBRARY, lambda data: data[:1000]),
        "its library: This ELF file is damaged",
    ),
    "text for library": ("linux_armv6l", changed(LIBRARY, lambda _: b"text" * 50), "This is no little-endian ELF file"),
    "changed file": (
        "linux_armv6l",
        lambda files: {**files, "edgequant_runtime/_errors.py": b"#"},
        "RECORD has another digest or size of edgequant_runtime/_errors.py",
    ),
    "file too many": (
        "linux_armv6l",
        lambda f: with_record({**f, "conftest.py": b""}),
        "conftest.py, which does not belong",
    ),
    "unrecorded file": (
        "linux_armv6l",
        lambda f: {**f, "edgequant_runtime/new.py": b""},
        "RECORD lacks edgequant_runtime/new",
    ),
    "no library": (
        "linux_armv6l",
        lambda files: with_record({name: data for name, data in files.items() if name != LIBRARY}),
        f"it has no {LIBRARY}",
    ),
    "called pure": (
        "linux_armv6l",
        changed(f"{INFO}/WHEEL", lambda data: data.replace(b"Purelib: false", b"Purelib: true")),
        "no compiled files",
    ),
    "another version": (
        "linux_armv6l",
        changed(f"{INFO}/METADATA", lambda data: data.replace(b"Version: 0.1.0", b"Version: 9.9.9")),
        "its metadata are those of edgequant-runtime 9.9.9",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_check_names_what_is_wrong(wheel: Path, tmp_path: Path, fault: str) -> None:
    platform, change, sentence = FAULTS[fault]
    path = write(change(read(wheel)), tmp_path / f"edgequant_runtime-0.1.0-py3-none-{platform}.whl")
    result = run("--check", path)
    assert result.returncode == 1
    assert sentence in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize("content", [b"", b"PK", None])
def test_a_file_that_is_no_wheel_is_named_as_that(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "edgequant_runtime-0.1.0-py3-none-linux_armv6l.whl"
    if content is not None:
        path.write_bytes(content)
    result = run("--check", path)
    assert (result.returncode, result.stderr) == (1, "")
    assert "it is no wheel" in result.stdout


HARD, SOFT = "arm-linux-gnueabihf.2.17", "arm-linux-gnueabi.2.17"
LIBRARIES = {
    "later glibc": (HARD, "libc.so.6", "GLIBC_2.34", "it needs GLIBC_2.34 of libc.so.6, later than GLIBC_2.17"),
    "another version": (HARD, "libc.so.6", "EXTRA_1.0", "it needs EXTRA_1.0 of libc.so.6, later than GLIBC_2.17"),
    "another library": (HARD, "libdl.so.2", "GLIBC_2.4", "it needs libdl.so.2"),
    "soft floats": (SOFT, "libc.so.6", "GLIBC_2.4", "it passes floats in integer registers"),
}


@pytest.mark.parametrize("fault", LIBRARIES)
def test_a_library_that_would_not_load_there_is_refused(wheel: Path, tmp_path: Path, fault: str) -> None:
    target, needs, version, sentence = LIBRARIES[fault]
    library = compile_library(tmp_path, target, needs, version)
    path = write(with_record({**read(wheel), LIBRARY: library}), tmp_path / wheel.name)
    result = run("--check", path)
    assert result.returncode == 1
    assert sentence in result.stdout


def test_pip_takes_no_manylinux_on_armv6_and_ours_on_64_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("sysconfig.get_platform", lambda: "linux-armv6l")
    assert list(packaging.tags.platform_tags()) == ["linux_armv6l"]
    monkeypatch.setattr("sysconfig.get_platform", lambda: "linux-aarch64")
    assert {"manylinux_2_17_aarch64", "manylinux2014_aarch64"} <= set(packaging.tags.platform_tags())


def test_a_32_bit_library_opens_files_with_64_bit_inode_numbers(wheel: Path) -> None:
    names = set(read(wheel)[LIBRARY].split(b"\0"))
    assert {b"open64", b"mmap64", b"__fxstat64"} <= names
    assert not {b"open", b"mmap", b"__fxstat"} & names


def test_a_damaged_library_is_an_error_and_never_a_traceback(wheel: Path) -> None:
    library, random = read(wheel)[LIBRARY], Random(0)
    refused = 0
    for _ in range(500):
        damaged = bytearray(library[: random.choice([len(library), random.randrange(100, len(library))])])
        for _ in range(8):
            damaged[random.randrange(min(len(damaged), 3000))] = random.randrange(256)
        try:
            read_elf(bytes(damaged))
        except TargetError:
            refused += 1
    assert 100 < refused < 500
