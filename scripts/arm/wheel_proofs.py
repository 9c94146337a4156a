"""Proofs that a wheel of edgequant_runtime works where it is meant for: installed by pip and run there.

x86-64: in an empty virtual environment here. aarch64 and armv7l: by Debian's Python 3.11 of that architecture, in a
virtual environment, under qemu-user with each board's CPU. armv6l: the library of the wheel by a C program on an
ARM1176, and the package by ARMv7's Python, because there is no Debian for ARMv6. Every kernel set of the CPU, with one
thread and with three, must give the bits that the native engine gives in this checkout on this machine.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pip
from edgequant_runtime import Session

from . import armv6_system, debian, emulated_root
from .debian import PYTHON, run

HERE = Path(__file__).resolve().parent
CONSTRAINTS = HERE.parent.parent / "constraints.txt"
NUMPY = ("python3-numpy", "libblas3", "liblapack3", "libgfortran5")
LIBRARIES = {"arm64": "usr/lib/aarch64-linux-gnu", "armhf": "usr/lib/arm-linux-gnueabihf"}
TOOLS = {"apt-get": "apt", "dpkg": "dpkg"}

Run = Callable[[Path, Sequence[Path]], list[str]]  # model, inputs and output to the kernel sets' names


def prove(machine: str, wheel: Path, models: Sequence[Path], roots: Path) -> list[str]:
    """Prove a wheel; return a sentence for each way in which it ran. Exits with a sentence if it fails."""
    with tempfile.TemporaryDirectory(prefix="wheel-") as temporary:
        folder = Path(temporary)
        ways = _WAYS[machine](folder, wheel, roots)
        return [f"{how}: {_equal(how, way, models, folder)}" for how, way in ways.items()]


def _x86_64(folder: Path, wheel: Path, _roots: Path) -> dict[str, Run]:
    run(sys.executable, "-m", "venv", folder / "env")
    python = folder / "env/bin/python"
    run(python, "-m", "pip", "install", "-q", "-c", CONSTRAINTS, wheel)
    return {"this machine": _script([python, "-I"])}


def _aarch64(folder: Path, wheel: Path, roots: Path) -> dict[str, Run]:
    root = _python_root(roots, "arm64")
    _environment(["qemu-aarch64", "-cpu", "cortex-a72", "-L", root], root, folder, wheel)
    cpus = [board.cpu for board in emulated_root.BOARDS.values()]
    return {cpu: _script(["qemu-aarch64", "-cpu", cpu, "-L", root, folder / "env/bin/python"]) for cpu in cpus}


def _armv7l(folder: Path, wheel: Path, roots: Path) -> dict[str, Run]:
    root = _python_root(roots, "armhf")
    emulator = ["qemu-arm", "-cpu", "cortex-a7", "-L", root]
    _environment(emulator, root, folder, wheel)
    return {"cortex-a7": _script([*emulator, folder / "env/bin/python"])}


def _armv6l(folder: Path, wheel: Path, roots: Path) -> dict[str, Run]:
    """Unpack the wheel: pip on ARMv7 rightly refuses its tag."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    library = folder / "site/edgequant_runtime/_engines/libedgequant.so"
    program = armv6_system.make(roots / "armv6")
    root = _python_root(roots, "armhf")
    python = ["env", f"PYTHONPATH={folder / 'site'}", "qemu-arm", "-cpu", "cortex-a7", "-L", root]
    return {
        "arm1176, from C": _program(["qemu-arm", "-cpu", "arm1176", "-L", program.parent, program, library]),
        "cortex-a7": _script([*python, root / "usr/bin" / PYTHON]),
    }


_WAYS = {"x86_64": _x86_64, "aarch64": _aarch64, "armv7l": _armv7l, "armv6l": _armv6l}


def _python_root(roots: Path, architecture: str) -> Path:
    """Return Debian's Python with Debian's numpy, as 32-bit boards have it; made if it is absent."""
    folder = roots / architecture
    done = folder / "done"
    if not done.exists():
        debian.require(TOOLS)
        root = debian.unpack(folder, architecture, [*debian.PYTHON_PACKAGES, *NUMPY])
        for name in ("blas", "lapack"):  # as update-alternatives does, when a package is installed and not unpacked
            (link := root / LIBRARIES[architecture] / f"lib{name}.so.3").unlink(missing_ok=True)
            link.symlink_to(f"{name}/lib{name}.so.3")
        done.touch()
    return folder / "root"


def _environment(emulator: Sequence[object], root: Path, folder: Path, wheel: Path) -> None:
    """Make a virtual environment in folder/env and have pip, under the emulator, install the wheel there."""
    debian.require({str(emulator[0]): "qemu-user"})
    python = folder / "env/bin/python"
    run(*emulator, root / "usr/bin" / PYTHON, "-m", "venv", "--without-pip", "--system-site-packages", folder / "env")
    shutil.copytree(Path(pip.__file__).parent, folder / "pip/pip")  # Debian's ensurepip is a package of its own
    settings = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
    settings["PIP_CONFIG_FILE"] = os.devnull
    install = ["install", "-q", "--no-index", "--no-cache-dir", wheel.resolve()]
    run(*emulator, python, folder / "pip/pip", *install, env=settings)


def _script(python: Sequence[object]) -> Run:
    return _program([*python, HERE / "run_installed.py"])


def _program(command: Sequence[object]) -> Run:
    return lambda model, files: run(*command, model, *files).splitlines()


def _equal(how: str, way: Run, models: Sequence[Path], folder: Path) -> str:
    """Run every model and compare; return which kernel sets ran."""
    kernels: list[str] = []
    for model in models:
        inputs, expected = _golden(model, folder)
        output = folder / "output"
        kernels = way(model.resolve(), [*inputs, output])
        if not kernels or output.read_bytes() != 2 * len(kernels) * expected:
            sys.exit(f"{model.name} gives other bits on {how} ({', '.join(kernels) or 'no kernels'}) than here.")
    return f"{len(models)} models equal, kernels {', '.join(kernels)}"


def _golden(model: Path, folder: Path) -> tuple[list[Path], bytes]:
    """Write inputs over the whole range of their types; return their files and the bytes of this machine's outputs."""
    session = Session(model, engine="native", threads=1)
    random = np.random.default_rng(0)
    values, files = {}, []
    for number, info in enumerate(session.inputs):
        shape = [max(size, 1) for size in info.shape]
        is_float = info.dtype.kind == "f"
        drawn = random.normal(size=shape) if is_float else random.integers(0, 256, shape).astype(np.uint8)
        values[info.name] = drawn.astype(info.dtype)
        files.append(folder / f"input-{number}")
        files[-1].write_bytes(values[info.name].tobytes())
    outputs = session.run(values, raw=True)
    return files, b"".join(outputs[info.name].tobytes() for info in session.outputs)
