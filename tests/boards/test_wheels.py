"""The wheels of edgequant_runtime: built for a board, and refused by the check when anything about them is wrong."""

import base64
import hashlib
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import packaging.tags
import pytest

from edgequant._targets import TargetError
from edgequant._targets._elf import read_elf

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "wheels"
LIBRARY = "edgequant_runtime/_engines/libedgequant.so"
INFO = "edgequant_runtime-0.1.0.dist-info"
pytestmark = pytest.mark.xdist_group("runners")

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


def test_a_wheel_has_the_same_bytes_from_another_folder(wheel: Path, tmp_path: Path) -> None:
    project = shutil.copytree(ROOT / "runtime", tmp_path / "runtime", ignore=shutil.ignore_patterns("__pycache__"))
    (project / "src" / "edgequant_runtime" / "_session.py").touch()
    scripts = shutil.copytree(ROOT / "scripts", tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, scripts / "wheels", "--machine", "armv6l", "--output", tmp_path / "again"]
    subprocess.run(command, check=True, capture_output=True)
    assert (tmp_path / "again" / wheel.name).read_bytes() == wheel.read_bytes()


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
