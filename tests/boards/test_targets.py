"""The table of targets against those who know better: device_checks of the boards, qemu and zig of their CPUs."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from edgequant._targets import TARGETS, Target, TargetError, find_target

BOARDS = [target for target in TARGETS.values() if target.board]


def test_the_targets_are_the_promised_ones() -> None:
    assert list(TARGETS) == [
        "rpi-zero", "rpi2", "rpi3", "rpi3-32", "rpi-zero-2w", "rpi-zero-2w-32", "rpi4", "rpi4-32", "rpi5", "rpi5-32",
        "aarch64", "armv7", "x86-64",
    ]  # fmt: skip


@pytest.mark.parametrize("target", BOARDS, ids=lambda target: target.name)
def test_a_boards_programs_are_for_its_processor(target: Target) -> None:
    device = target.device()
    assert device is not None
    assert (target.family.machine, target.family.word_size) == (device.architecture, device.word_size)
    core = device.core_names.lower().replace("-", "_")  # Cortex-A53: zig's cortex_a53, qemu's cortex-a53
    if target.name.endswith("-32"):
        assert target.cpu.replace("_", "-") == target.emulator_cpu, "what is assumed must run under the emulator"
    else:
        assert target.cpu.startswith(core)
        assert str(target.emulator_cpu).replace("-", "_") == core
    assert target.memory_bytes == device.memory_bytes is not None


@pytest.mark.parametrize("target", [target for target in BOARDS if target.family.word_size == 64])
def test_no_cryptography_is_assumed_where_a_board_has_none(target: Target) -> None:
    device = target.device()
    assert device is not None
    for feature in ("aes", "sha2"):
        assert (feature in device.features) != (f"-{feature}" in target.cpu)


def test_the_release_of_the_system() -> None:
    newer, older = (find_target("rpi4").device(os=release) for release in ("trixie", "bookworm"))
    assert newer and older
    assert (newer.libc_version, older.libc_version) == ("2.41", "2.36")
    assert find_target("armv7").device() is None
    assert find_target("armv7").memory_bytes is None


@pytest.mark.parametrize("emulator", ["qemu-arm", "qemu-aarch64"])
def test_the_emulator_knows_every_cpu(emulator: str) -> None:
    program = shutil.which(emulator) or shutil.which(f"{emulator}-static")
    if program is None:
        pytest.skip("needs qemu-user, which emulates the boards' CPUs: apt-get install qemu-user")
    known = subprocess.run([program, "-cpu", "help"], capture_output=True, text=True).stdout.split()
    wanted = {target.emulator_cpu for target in TARGETS.values() if target.emulator == emulator}
    assert wanted
    assert wanted <= {*known}


def test_the_compiler_knows_every_cpu_and_triple() -> None:
    pytest.importorskip("ziglang", reason="needs ziglang, which cross-compiles the programs")
    pairs = {
        (triple, cpu)
        for target in TARGETS.values()
        for triple in (target.family.program, target.family.library)
        for cpu in (target.family.cpu, target.cpu)
    }
    for triple, cpu in sorted(pairs):
        command = [sys.executable, "-m", "ziglang", "cc", "-target", triple, f"-mcpu={cpu}", "-E", "-xc", "-"]
        done = subprocess.run(command, input="int x;", capture_output=True, text=True)
        assert done.returncode == 0, (triple, cpu, done.stderr)


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("rpi4", "rpi4"),
        ("pi4", "rpi4"),
        ("RPI4B", "rpi4"),
        ("Raspberry Pi 4 Model B", "rpi4"),
        ("pi4-32", "rpi4-32"),
        ("Raspberry Pi 5 32-bit", "rpi5-32"),
        ("zero2w", "rpi-zero-2w"),
        ("pi-zero", "rpi-zero"),
        ("armv7l", "armv7"),
        ("x86_64", "x86-64"),
    ],
)
def test_other_spellings(spelling: str, name: str) -> None:
    assert find_target(spelling).name == name


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("pi400", "take rpi4, which has the core of Raspberry Pi 400"),
        ("pi2-v1.2", "take rpi3, which has the core"),
        ("orin", "take aarch64 for NVIDIA Jetson Orin Nano"),
        ("arm64", "did you mean aarch64"),
        ("rpi6", "did you mean rpi"),
        ("toaster", "the targets are rpi-zero, rpi2, "),
        ("", "the targets are "),
        ("a\nb\x1b[31m", r"There is no target 'a\\nb\\x1b\[31m'"),
    ],
)
def test_an_unknown_name_is_answered_with_what_to_take(name: str, hint: str) -> None:
    with pytest.raises(TargetError, match=hint):
        find_target(name)


def test_the_command_lists_everything(cli: Callable[..., Any]) -> None:
    listed = cli("targets")
    assert listed.exit_code == 0
    assert all(f" {name} " in listed.stdout for name in TARGETS)

    document = json.loads(cli("targets", "--os", "bookworm", "--json").stdout)
    found = {target["name"]: target for target in document["targets"]}
    assert document["os"] == "bookworm"
    assert list(found) == list(TARGETS)
    four = found["rpi4"]
    assert (four["libc_version"], four["python"], four["memory_bytes"]) == ("2.36", "3.11", 2**30)
    assert (four["emulator"], four["emulator_cpu"]) == ("qemu-aarch64", "cortex-a72")
    assert four["triples"] == {"program": "aarch64-linux-musl", "library": "aarch64-linux-gnu.2.17"}
    assert {wheel["package"] for wheel in four["wheels"] if wheel["installs"]} >= {"onnxruntime", "ai-edge-litert"}
    assert not any(wheel["installs"] for wheel in found["rpi-zero"]["wheels"] if wheel["package"] == "onnxruntime")
    assert found["armv7"]["python"] is None


def test_an_unknown_release_is_refused(cli: Callable[..., Any]) -> None:
    result = cli("targets", "--os", "buster")
    assert result.exit_code == 2
    assert "trixie, bookworm, bullseye" in result.stderr
