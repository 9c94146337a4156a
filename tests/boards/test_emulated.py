"""What an emulated board is to its programs: its own CPU, and its own description of itself."""

import os
import shutil
from pathlib import Path, PurePosixPath

import pytest
from edgequant_device_checks import from_text

from edgequant._targets import TARGETS, Target, find_target
from edgequant._transports import EmulatedTransport, LocalTransport, TransportError

from ._tiny_programs import cat, dot_product

pytestmark = pytest.mark.emulated

EMULATED = [name for name, target in TARGETS.items() if target.emulator]


@pytest.fixture(autouse=True)
def emulators() -> None:
    for program in ("qemu-arm", "qemu-aarch64"):
        if not shutil.which(program) and not shutil.which(f"{program}-static"):
            pytest.skip(f"needs {program}, which is not on this machine: apt-get install qemu-user")


def program(folder: Path, content: bytes) -> PurePosixPath:
    path = folder / "a program"
    path.write_bytes(content)
    path.chmod(0o755)
    return PurePosixPath(path)


def read_there(target: Target, path: str, folder: Path) -> str:
    with EmulatedTransport(target) as board:
        done = board.run([program(folder, cat(path, target.family.word_size))])
    assert done.status == 0
    return done.text


@pytest.mark.parametrize("name", EMULATED)
def test_cpuinfo_is_the_board_s(name: str, tmp_path: Path) -> None:
    target = find_target(name)
    told = from_text(read_there(target, "/proc/cpuinfo", tmp_path))
    with EmulatedTransport(target) as board:
        device = board.device()
    assert told.architecture == target.family.machine
    # A 64-bit kernel says the same of its processor to programs of 32 bits.
    assert told.word_size == (None if target.family.word_size == 64 else 32)
    assert told.features == device.features
    assert told.model == device.model
    assert [(cluster.part, cluster.count) for cluster in told.clusters] == [
        (cluster.part, cluster.count) for cluster in device.clusters
    ]


def test_model_and_memory_are_the_board_s(tmp_path: Path) -> None:
    board = find_target("rpi4")
    for tree in ("/proc/device-tree/model", "/sys/firmware/devicetree/base/model"):
        assert read_there(board, tree, tmp_path) == "Raspberry Pi 4 Model B\0"
    assert read_there(board, "/proc/meminfo", tmp_path).split() == ["MemTotal:", str(2**20), "kB"]
    assert read_there(board, "/sys/devices/system/cpu/online", tmp_path) == "0-3\n"
    assert read_there(find_target("rpi-zero"), "/sys/devices/system/cpu/online", tmp_path) == "0\n"


@pytest.mark.parametrize(("name", "runs"), [("rpi3", False), ("rpi4", False), ("aarch64", False), ("rpi5", True)])
def test_an_instruction_that_the_board_lacks_ends_the_program(name: str, runs: bool, tmp_path: Path) -> None:
    with EmulatedTransport(find_target(name)) as board:
        done = board.run([program(tmp_path, dot_product())])
        assert board.list(board.home()) == []  # no core file
    assert (done.status, done.signal and done.signal.name) == ((0, None) if runs else (132, "SIGILL"))


def test_the_environment_does_not_choose_another_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QEMU_CPU", "max")
    with EmulatedTransport(find_target("rpi4")) as board:
        assert board.run([program(tmp_path, dot_product())]).status == 132


def test_programs_of_another_processor_are_refused(tmp_path: Path) -> None:
    with (
        EmulatedTransport(find_target("rpi-zero")) as board,
        pytest.raises(TransportError, match=r"a program is a program for aarch64, and an emulated .* for arm: "),
    ):
        board.run([program(tmp_path, dot_product())])


@pytest.mark.parametrize("content", ["#!/bin/sh\ntouch here\n", "touch here\n", "", "\x7fELF"])
def test_what_is_no_elf_program_never_runs_on_this_machine(content: str, tmp_path: Path) -> None:
    script = program(tmp_path, content.encode())
    with EmulatedTransport(find_target("rpi4")) as board:
        with pytest.raises(TransportError, match=r"a program is no program of an emulated .* 4.*: only ELF files run"):
            board.run([script])
        (tmp_path / "link").symlink_to(script)
        with pytest.raises(TransportError, match="link is no program of an emulated"):
            board.run([tmp_path / "link"])
        assert board.list(board.home().parent) == ["home", "root"]
        assert board.run(["sh", "-c", "echo here"]).text == "here\n"  # this machine's, by its name


def test_the_home_is_private_and_goes(tmp_path: Path) -> None:
    with EmulatedTransport(find_target("rpi5")) as board:
        assert board.make_folder(board.home() / "models")
        assert board.list(board.home()) == ["models"]
        folder = Path(board.home()).parent
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not folder.exists()


def test_without_an_emulator_its_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TransportError, match=r"no qemu-aarch64 .* install qemu-user: sudo apt-get install qemu-user"):
        EmulatedTransport(find_target("rpi4"))
    (tmp_path / "qemu-aarch64-static").symlink_to("/bin/true")
    EmulatedTransport(find_target("rpi4")).close()


def test_what_is_not_emulated_says_what_to_do() -> None:
    with pytest.raises(TransportError, match=r"x86-64 Linux is not emulated: run there with --local, or .* --host"):
        EmulatedTransport(find_target("x86-64"))


def test_this_machine_runs_from_where_programs_may_start() -> None:
    with LocalTransport() as here, here.temporary_folder() as folder:
        assert not os.statvfs(folder).f_flag & os.ST_NOEXEC
        assert here.run(["pwd"]).text == "/\n"
