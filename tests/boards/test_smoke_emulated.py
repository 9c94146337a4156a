"""Bundles on emulated boards: real programs, each board's own CPU."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edgequant._bundle import open_bundle, write_bundle
from edgequant._smoke import SmokeResult, smoke
from edgequant._targets import Runner, find_target
from edgequant._transports import EmulatedTransport

pytestmark = pytest.mark.emulated

RunnerFor = Callable[..., Runner]


def emulated(bundle: Path, board: str) -> SmokeResult:
    target = find_target(board)
    if shutil.which(str(target.emulator)) is None:
        pytest.skip(f"needs {target.emulator} (Debian's package qemu-user), which is not on this machine")
    with open_bundle(bundle) as opened, EmulatedTransport(target) as transport:
        return smoke(opened, transport)


@pytest.mark.parametrize(
    ("target", "board", "kernels", "cores"),
    [
        ("rpi-zero", "rpi-zero", "armv6", [1]),
        ("rpi-zero", "rpi2", "neon", [1, 4]),
        ("rpi2", "rpi2", "neon", [1, 4]),
        ("rpi3", "rpi3", "neon", [1, 4]),
        ("rpi4", "rpi4", "neon", [1, 4]),
        ("rpi5", "rpi5", "dotprod", [1, 4]),
        ("rpi5", "rpi4", "neon", [1, 4]),
    ],
)
def test_every_cpu_gives_the_same_bits(
    models: Path, tmp_path: Path, runner_for: RunnerFor, target: str, board: str, kernels: str, cores: list[int]
) -> None:
    path = tmp_path / "bundle.tar.gz"
    write_bundle(models / "int8.tflite", find_target(target), path, runner=runner_for(target), goldens=1)
    result = emulated(path, board)
    assert result.exit_code == 0, result.sentences
    assert {run.kernels for golden in result.goldens for run in golden.runs} == {kernels}
    assert [run.threads for run in result.goldens[0].runs] == cores
    assert not result.to_dict()["latency_is_meaningful"]
    warned = [check.name for check in result.checks if not check.ok]
    assert warned == (["features"] if (target, board) == ("rpi5", "rpi4") else [])


def test_a_program_for_a_newer_cpu_is_a_sentence(models: Path, tmp_path: Path, runner_for: RunnerFor) -> None:
    runner = runner_for("rpi5", assume_features=True)
    path = tmp_path / "bundle.tar.gz"
    write_bundle(models / "int8.tflite", find_target("rpi5"), path, runner=runner, goldens=1)
    assert emulated(path, "rpi5").exit_code == 0
    result = emulated(path, "rpi4")
    assert result.exit_code == 2
    assert result.error == (
        "edgequant-run died of an illegal instruction on an emulated Raspberry Pi 4 (Cortex-A72): the bundle's runner "
        "takes dotprod, fp16 for granted, and this CPU lacks them; make the bundle for this board, or without "
        "--assume-features."
    )
    assert [check.name for check in result.checks if not check.ok] == ["assumed features"]


def test_a_program_for_another_processor_is_a_sentence(models: Path, tmp_path: Path, runner_for: RunnerFor) -> None:
    path = tmp_path / "bundle.tar.gz"
    write_bundle(models / "int8.tflite", find_target("rpi4"), path, runner=runner_for("rpi4"), goldens=1)
    result = emulated(path, "rpi-zero")
    assert result.exit_code == 2
    assert result.error is not None and "emulate a board that it was built for" in result.error
