"""Programs for boards: what is built, what is kept, and what happens when that fails."""

import json
import multiprocessing
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgequant._targets import TARGETS, Runner, TargetError, _runner, build_runner, find_target
from edgequant._targets._cache import cache_folder, kept
from edgequant._targets._elf import library_problems, program_problems
from edgequant._targets._export import export_runner
from edgequant._targets._sources import Sources, read_sources
from edgequant._targets._toolchain import Toolchain, clean_environment, find_toolchain, run

from ._waiting import said_by, wait_until

pytestmark = pytest.mark.emulated

ONE_OF_EACH_FAMILY = ("rpi-zero", "armv7", "aarch64", "x86-64")
LARGEST = {"aarch64": 606_000, "x86-64": 876_000}  # bytes of the program


def silent(step: str, done: int, total: int | None) -> None:
    pass


# ---- what is built ----


@pytest.mark.parametrize("name", ONE_OF_EACH_FAMILY)
def test_a_program_needs_nothing_and_is_for_its_family_alone(runner_for: Callable[..., Runner], name: str) -> None:
    runner = runner_for(name)
    content = runner.program.read_bytes()
    assert runner.library is None
    assert runner.assumed_features == ()
    assert len(content) <= LARGEST.get(name, 636_000)
    families = {other: find_target(other).family for other in ONE_OF_EACH_FAMILY}
    assert [other for other, family in families.items() if not program_problems(content, family)] == [name]


def test_the_library_needs_an_old_glibc_and_nothing_else(runner_for: Callable[..., Runner]) -> None:
    library = runner_for("aarch64", library=True).library
    assert library is not None
    family = TARGETS["aarch64"].family
    assert library_problems(library.read_bytes(), family) == []
    assert any(
        "later than GLIBC_2.16" in problem for problem in library_problems(library.read_bytes(), family, (2, 16))
    )


def test_a_file_that_needs_a_system_is_not_let_out(runner_for: Callable[..., Runner], tmp_path: Path) -> None:
    library = runner_for("aarch64", library=True).library
    assert library is not None
    dressed_up = Path(shutil.copy(library, tmp_path / "edgequant-run"))
    runner = Runner(dressed_up, None, "aarch64", "0.1.0", ())
    with pytest.raises(
        TargetError, match=r"edgequant-run that was built is not fit for rpi4: it is not static: it needs "
    ):
        export_runner(runner, TARGETS["rpi4"], tmp_path)
    with pytest.raises(TargetError, match=r"not fit for rpi4-32: it is for aarch64, 64 bit, and not for armv7, 32 bit"):
        export_runner(runner, TARGETS["rpi4-32"], tmp_path)


@pytest.mark.nightly
def test_assumed_features_are_named_and_fatal_without_them(runner_for: Callable[..., Runner], models: Path) -> None:
    emulator = shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
    if emulator is None:
        pytest.skip("needs qemu-user, which emulates the boards' CPUs: apt-get install qemu-user")
    runner = runner_for("rpi5", assume_features=True)
    assert runner.assumed_features == ("dotprod", "fp16")

    def run_on(cpu: str) -> int:
        command = [emulator, "-cpu", cpu, runner.program, models / "int8.tflite"]
        return subprocess.run(command, capture_output=True, timeout=60).returncode

    assert run_on("cortex-a76") == 0
    assert run_on("cortex-a72") == -signal.SIGILL


@pytest.mark.nightly
def test_the_same_bytes_from_another_folder(cli: Callable[..., Any], tmp_path: Path) -> None:
    pytest.importorskip("ziglang", reason="needs ziglang, which cross-compiles the programs")
    options = ("--target", "rpi4", "--target", "rpi3", "--no-library", "--twice", "--json")
    result = cli("build-runner", *options, "-o", tmp_path / "out put")
    assert result.exit_code == 0, result.stderr
    rows = json.loads(result.stdout)["runners"]
    assert [(row["target"], row["same_twice"]) for row in rows] == [("rpi4", True), ("rpi3", True)]
    (written,) = rows[0]["files"]
    program = Path(written["path"])
    assert program == tmp_path / "out put" / "rpi4" / "edgequant-run"
    assert program.stat().st_size == written["bytes"]
    assert program.stat().st_mode & stat.S_IXUSR
    assert [file["sha256"] for file in rows[1]["files"]] == [written["sha256"]]


def test_two_builds_that_differ_are_told(
    cli: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runner_for: Callable[..., Runner]
) -> None:
    one = runner_for("x86-64")
    changed = tmp_path / "edgequant-run"
    changed.write_bytes(one.program.read_bytes() + b"\0")
    other = Runner(changed, None, one.family, one.version, ())
    monkeypatch.setattr("edgequant._targets.build_runner", lambda target, *, cache, **options: other if cache else one)
    result = cli("build-runner", "--target", "x86-64", "-o", tmp_path / "out", "--twice", "--no-library")
    assert result.exit_code == 1
    assert "differ" in result.stderr


# ---- the command's errors ----


@pytest.mark.parametrize("options", [[], ["--all", "--target", "rpi4"]])
def test_targets_or_all(cli: Callable[..., Any], tmp_path: Path, options: list[str]) -> None:
    result = cli("build-runner", *options, "-o", tmp_path)
    assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert "--target" in result.stderr


def test_a_file_in_the_way_is_told_before_anything_is_built(cli: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = cli("build-runner", "--target", "rpi4", "-o", tmp_path / "file")
    assert result.exit_code == 2
    assert "a file is in its way" in result.stderr


def test_without_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ziglang", None)
    with pytest.raises(TargetError, match=r"ziglang, .* not installed: in a checkout .*'\.\[boards\]'$"):
        build_runner(TARGETS["rpi4"])


def fake_compiler(folder: Path, script: str) -> Toolchain:
    program = folder / "cmake"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Toolchain(program, program, program, "1")


def test_a_failed_compilation_is_quoted_and_its_log_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler = fake_compiler(tmp_path, "echo working; echo 'main.c:1:1: error: no such luck'; echo stopped; exit 1")
    monkeypatch.setattr(_runner, "find_toolchain", lambda: compiler)
    monkeypatch.setenv("EDGEQUANT_CACHE", str(tmp_path / "cache"))
    log = tmp_path / "cache" / "logs" / "edgequant-run-armv6.log"
    with pytest.raises(TargetError) as told:
        build_runner(TARGETS["rpi-zero"])
    assert str(told.value) == (
        f"edgequant-run cannot be compiled for armv6: main.c:1:1: error: no such luck; the log is {log}."
    )
    assert log.read_text().splitlines()[1:] == ["working", "main.c:1:1: error: no such luck", "stopped"]
    assert not list((tmp_path / "cache" / "building").iterdir())


def test_a_damaged_program_is_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The second call, with --build, makes the file: the folder is its second word.
    compiler = fake_compiler(tmp_path, 'test "$1" = --build && echo made >> "$2/edgequant-run"; true')
    monkeypatch.setattr(_runner, "find_toolchain", lambda: compiler)
    monkeypatch.setenv("EDGEQUANT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Sources, "write", lambda self, folder: (folder.parent / "build").mkdir())
    program = build_runner(TARGETS["rpi-zero"]).program
    for damage in (lambda: program.write_text("half"), program.unlink, lambda: shutil.rmtree(program.parent)):
        damage()
        assert build_runner(TARGETS["rpi-zero"]).program == program
        assert program.read_text() == "made\n"
    assert not list((tmp_path / "cache" / "logs").iterdir())


# ---- the cache ----


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    monkeypatch.setenv("EDGEQUANT_CACHE", "/elsewhere")
    assert cache_folder() == Path("/elsewhere")
    monkeypatch.delenv("EDGEQUANT_CACHE")
    assert cache_folder() == Path("/somewhere/edgequant")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # the specification says to ignore it
    monkeypatch.setenv("HOME", "/home/pi")
    assert cache_folder() == Path("/home/pi/.cache/edgequant")


def is_there(folder: Path) -> bool:
    return (folder / "file").is_file()


def make_slowly(cache: Path, start: Any, tally: Path) -> None:
    def make(work: Path) -> Path:
        with tally.open("a") as file:
            file.write("made\n")
        (work / "made").mkdir()
        (work / "made" / "file").touch()
        return work / "made"

    start.wait()
    kept(cache, "program", "1", is_there, make)


def test_of_many_processes_one_builds(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    start, tally = context.Event(), tmp_path / "tally"
    processes = [context.Process(target=make_slowly, args=(tmp_path / "cache", start, tally)) for _ in range(8)]
    for process in processes:
        process.start()
    start.set()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 8
    assert tally.read_text() == "made\n"


def test_what_a_killed_process_left_does_not_count(tmp_path: Path) -> None:
    left = tmp_path / "building" / "program"
    left.mkdir(parents=True)
    (left / "file").touch()
    seen = []

    def make(work: Path) -> Path:
        seen.append(list(work.iterdir()))
        (work / "file").touch()
        return work

    assert is_there(kept(tmp_path, "program", "1", is_there, make))
    assert seen == [[]]
    assert not left.exists()


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    with pytest.raises(TargetError, match="set EDGEQUANT_CACHE to a folder that you may write to"):
        kept(tmp_path / "cache", "program", "1", is_there, lambda work: work)


# ---- sources and tools ----


def test_every_source_counts() -> None:
    sources = read_sources()
    assert {"CMakeLists.txt", "cmake/zig.cmake", "program/main.c", "src/base/cpu.c", "include/edgequant.h"} <= {
        *sources.files
    }
    assert not any(name.startswith(("tests/", "fuzz/")) for name in sources.files)
    changed = Sources({**sources.files, "src/base/cpu.c": sources.files["src/base/cpu.c"] + b"\n"})
    renamed = Sources({name.replace("cpu.c", "cpv.c"): content for name, content in sources.files.items()})
    assert len({sources.digest, changed.digest, renamed.digest}) == 3
    assert sources.digest == Sources(dict(reversed(sources.files.items()))).digest


def test_installed_sources_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgequant._targets._sources.files", lambda package: tmp_path)
    checkout = read_sources()
    Sources({"CMakeLists.txt": b"project(edgequant VERSION 9.8 "}).write(tmp_path / "_csrc")
    assert read_sources().version == "9.8"
    (tmp_path / "_csrc" / "CMakeLists.txt").unlink()
    with pytest.raises(TargetError, match="install edgequant again"):
        read_sources()
    assert checkout.version.count(".") == 2


def test_the_users_flags_do_not_reach_the_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("CFLAGS", "LDFLAGS", "CPATH", "CMAKE_GENERATOR", "NINJA_STATUS"):
        monkeypatch.setenv(name, "nonsense")
    printed = run(["env"], clean_environment(tmp_path, tmp_path), tmp_path / "log")
    assert "nonsense" not in printed
    assert f"ZIG_GLOBAL_CACHE_DIR={tmp_path}" in printed


def test_an_interruption_ends_what_was_started(tmp_path: Path) -> None:
    script = f"sleep 1000 & echo $! > '{tmp_path}/pid'; echo '[1/2] x'; wait"

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(["sh", "-c", script], dict(os.environ), tmp_path / "log", interrupt)
    pid = (tmp_path / "pid").read_text().strip()
    wait_until(lambda: said_by(Path("/proc", pid, "stat")).split()[2:3] in ([], [b"Z"]))


def test_the_tools_are_those_of_the_environment() -> None:
    pytest.importorskip("ziglang", reason="needs ziglang, which cross-compiles the programs")
    tools = find_toolchain()
    assert all(path.is_file() for path in (tools.cmake, tools.ninja, tools.zig))
    assert subprocess.run([tools.zig, "version"], capture_output=True, text=True).stdout.startswith("0.17")
