"""What an inference takes on an emulated Pi Zero: edgequant-run under qemu-arm. No other engine is built for ARMv6."""

from __future__ import annotations

from pathlib import Path

from edgequant._targets import build_runner, find_target

from .debian import require, run
from .emulated_root import counting_plugin

BOARD = "rpi-zero"


def inference(folder: Path, model: Path, repetitions: int) -> float:
    """Return the instructions of an inference: what so many more of them add to a process, divided by their number."""
    require({"qemu-arm": "qemu-user", "gcc": "gcc"})
    target = find_target(BOARD)
    program, plugin = build_runner(target).program, counting_plugin(folder)
    emulator = ["qemu-arm", "-plugin", plugin, "-cpu", target.emulator_cpu]

    def count(inferences: int) -> int:
        lines = run(*emulator, program, model.resolve(), "--repeat", inferences).splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("insns: "))

    return (count(1 + repetitions) - count(1)) / repetitions
