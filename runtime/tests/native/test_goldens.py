"""The same bits on every kind of CPU: programs for each, run under emulators of the boards' cores.

goldens.json has the SHA-256 of each model's outputs for edgequant-run's seeded inputs. After arithmetic changed on
purpose, `python -m native.test_goldens PROGRAM` in runtime/tests writes it anew with the scalar kernels.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .conftest import example_count
from .every_operator import OPERATORS, every_operator
from .single_op import SAME, VALID, Model, Quantized

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
MODELS = HERE.parent / "models"
SHARED = ROOT.parent / "shared" / "models"
GOLDENS = HERE / "goldens.json"
OURS = ("int8.tflite", "int8_float_io.tflite", "uint8.tflite")
NETWORKS = ("kws_ref_model.tflite", "pretrainedResnet_quant.tflite", "ad01_int8.tflite")


@dataclass(frozen=True)
class Machine:
    """A program for one of edgequant's targets, on a CPU that an emulator or this machine is."""

    target: str
    cpu: str | None = None
    emulator: str | None = None

    def __str__(self) -> str:
        return f"{self.target}-{self.cpu or 'host'}"


MACHINES = (
    Machine("x86-64"),
    Machine("rpi-zero", "arm1176", "qemu-arm"),
    Machine("rpi-zero", "cortex-a7", "qemu-arm"),
    Machine("armv7", "cortex-a7", "qemu-arm"),
    Machine("aarch64", "cortex-a53", "qemu-aarch64"),
    Machine("aarch64", "cortex-a72", "qemu-aarch64"),
    Machine("aarch64", "cortex-a76", "qemu-aarch64"),
    Machine("aarch64", "max", "qemu-aarch64"),
)

# One worker for all: building the programs takes a minute, and most of it is the same for each test.
pytestmark = [pytest.mark.emulated, pytest.mark.xdist_group("goldens")]


@pytest.fixture(params=MACHINES, ids=str)
def command(request: pytest.FixtureRequest, runner_for: Callable[..., Any]) -> list[str]:
    """The words that start the program on a machine."""
    machine: Machine = request.param
    if machine.emulator is None:
        if platform.machine() != "x86_64":
            pytest.skip("runs on x86-64")
        return [str(runner_for(machine.target).program)]
    emulator = shutil.which(machine.emulator) or shutil.which(f"{machine.emulator}-static")
    if emulator is None:
        pytest.skip("needs qemu-user, which emulates the boards' CPUs: apt-get install qemu-user")
    return [emulator, "-cpu", str(machine.cpu), str(runner_for(machine.target).program)]


def output_of(command: list[str], *arguments: object) -> dict[str, object]:
    done = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{done.returncode} {done.stderr}"
    document: dict[str, object] = json.loads(done.stdout)
    return document


def kernel_sets(command: list[str]) -> list[str]:
    cpu = output_of(command, "--probe")["cpu"]
    assert isinstance(cpu, dict)
    names: list[str] = cpu["kernels"]
    return names


def paths(folder: Path, names: tuple[str, ...]) -> list[Path]:
    return [folder / name for name in names]


@pytest.mark.parametrize("path", paths(MODELS, OURS) + paths(SHARED, NETWORKS), ids=lambda path: path.stem)
def test_the_same_bits_everywhere(command: list[str], path: Path) -> None:
    if not path.is_file():
        pytest.skip("needs ../shared (real trained networks), which is not on this machine")
    golden = json.loads(GOLDENS.read_text())[path.name]
    for kernels in kernel_sets(command):
        for threads in (1, 2):
            found = output_of(command, path, "--json", "--kernels", kernels, "--threads", threads)
            assert (found["kernels"], found["sha256"]) == (kernels, golden), threads


@pytest.mark.parametrize("seed", range(example_count() // 5))
def test_every_operator_gives_the_bits_of_scalar(command: list[str], tmp_path: Path, seed: int) -> None:
    path = tmp_path / "every_operator.tflite"
    path.write_bytes(every_operator(seed)[0])
    digests: dict[str, list[str]] = {}
    for kernels in kernel_sets(command):
        outputs: Any = output_of(command, path, "--json", "--kernels", kernels)["outputs"]
        digests[kernels] = [output["sha256"] for output in outputs]
    assert len(digests["scalar"]) == len(OPERATORS)
    for kernels, found in digests.items():
        assert not [name for name, a, b in zip(OPERATORS, digests["scalar"], found) if a != b], kernels


def three_by_three(shape: tuple[int, ...], columns: int) -> bytes:
    """Two convolutions of 3x3 with stride 1; the second leaves the edge out if something is left then.

    The file says that small images are larger, as for a session with other sizes: the kernel depends on the file.
    """
    rng = np.random.default_rng(0)
    model = Model()
    x = model.input(shape, "INT8", Quantized(0.02, -3))
    size, y = shape, x
    for padding in (SAME, VALID if min(shape[1:3]) > 4 else SAME):
        weights = rng.integers(-127, 128, (columns, 3, 3, size[3]))
        scales = rng.uniform(0.001, 0.004, columns)
        w = model.constant(weights, "INT8", Quantized(scales))
        b = model.constant(rng.integers(-5000, 5000, columns), "INT32", Quantized(scales * 0.02))
        size = (size[0], *(side - 2 * (padding == VALID) for side in size[1:3]), columns)
        stated = (size[0], *(max(side, 8) for side in size[1:3]), columns)
        out = model.tensor(stated, "INT8", Quantized(0.02, -3))
        model.operator("CONV_2D", [y, w, b], [out], "Conv2DOptions", version=3, padding=padding, strideW=1, strideH=1)
        y = out
    return model.finish([y])


@pytest.mark.parametrize("shape", [(1, 9, 17, 8), (2, 13, 9, 24), (1, 6, 34, 16), (2, 3, 2, 16)], ids=str)
def test_windows_of_3x3_give_the_bits_of_scalar(command: list[str], tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = tmp_path / "three_by_three.tflite"
    path.write_bytes(three_by_three(shape, 40))
    found = {}
    for kernels in kernel_sets(command):
        for threads in (1, 3):
            output = output_of(command, path, "--json", "--kernels", kernels, "--threads", threads)
            found[kernels, threads] = output["sha256"]
    assert set(found.values()) == {found["scalar", 1]}, found


def write_goldens(program: str) -> None:
    found = {}
    for path in [*paths(MODELS, OURS), *paths(SHARED, NETWORKS)]:
        found[path.name] = output_of([program], path, "--json", "--kernels", "scalar")["sha256"]
    GOLDENS.write_text(json.dumps(found, indent=2) + os.linesep)


if __name__ == "__main__":
    write_goldens(sys.argv[1])
