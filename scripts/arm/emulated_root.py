"""An arm64 Debian Python with LiteRT's and ONNX Runtime's aarch64 wheels, and boards to run it on under qemu-aarch64.

`make` fills a folder on an x86-64 Debian: root/ from Debian's arm64 packages, site/ from the package index. What a
program sees on each board, boards/, and the plugin that counts instructions are made when they are used.
"""

from __future__ import annotations

import hashlib
import os
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from . import debian
from .debian import PYTHON, run

HERE = Path(__file__).resolve().parent
TOOLS = {"qemu-aarch64": "qemu-user", "gcc": "gcc", "apt-get": "apt", "dpkg": "dpkg"}
DEBS = (*debian.PYTHON_PACKAGES, "libgomp1")
PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")
PINNED_WHEELS = ("ai-edge-litert", "onnxruntime", "numpy")  # in the versions that are installed here
NATIVE_WHEELS = ("ml_dtypes",)
PURE_WHEELS = ("flatbuffers", "protobuf", "typing_extensions", "tqdm", "backports.strenum", "packaging")

ARMV8_0 = "fp asimd evtstrm crc32 cpuid"
ARMV8_2 = (
    "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"  # has dotprod
)


@dataclass(frozen=True)
class Board:
    """What qemu calls the board's CPU, and what /proc/cpuinfo says there, which LiteRT reads to choose its kernels."""

    cpu: str
    part: str
    variant: str
    features: str
    model: str

    def cpuinfo(self) -> str:
        """Return the text of /proc/cpuinfo."""
        core = (
            f"BogoMIPS\t: 108.00\nFeatures\t: {self.features}\nCPU implementer\t: 0x41\nCPU architecture: 8\n"
            f"CPU variant\t: {self.variant}\nCPU part\t: {self.part}\nCPU revision\t: 1\n\n"
        )
        return "".join(f"processor\t: {i}\n{core}" for i in range(4)) + f"Model\t\t: {self.model}\n"


BOARDS = {
    "rpi3": Board("cortex-a53", "0xd03", "0x0", ARMV8_0, "Raspberry Pi 3 Model B Rev 1.2"),
    "rpi4": Board("cortex-a72", "0xd08", "0x0", ARMV8_0, "Raspberry Pi 4 Model B Rev 1.1"),
    "rpi5": Board("cortex-a76", "0xd0b", "0x4", ARMV8_2, "Raspberry Pi 5 Model B Rev 1.0"),
}


def make(folder: Path) -> None:
    """Make the root in `folder`, unless an earlier call finished there with the same packages; takes a minute."""
    pinned = [f"{name}=={version(name)}" for name in PINNED_WHEELS]
    contents, done = "\n".join([*DEBS, *pinned, *NATIVE_WHEELS, *PURE_WHEELS]), folder / "contents"
    if done.exists() and done.read_text() == contents:
        return
    debian.require(TOOLS)
    debian.unpack(folder, "arm64", DEBS)
    install_wheels(folder, pinned)
    done.write_text(contents)


def install_wheels(folder: Path, pinned: Sequence[str]) -> None:
    """Download the engines' aarch64 wheels and what they need in wheels/, and unpack them in site/."""
    download_binaries(folder / "wheels", [*pinned, *NATIVE_WHEELS])
    run(*_download(folder / "wheels"), "--platform", "any", *PURE_WHEELS)
    unpack_wheels(folder / "wheels", folder / "site")


def download_binaries(wheels: Path, names: Sequence[str]) -> None:
    """Download wheels for the root's Python on aarch64, without what they depend on."""
    cpython = ["--implementation", "cp", "--python-version", PYTHON.removeprefix("python")]
    platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
    run(*_download(wheels), *cpython, *platforms, *names)


def unpack_wheels(wheels: Path, site: Path) -> None:
    """Unpack every wheel of a folder."""
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)


def _download(wheels: Path) -> list[str | Path]:
    return [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", wheels]


def instructions(
    folder: Path, board: str, command: Sequence[str | Path], *, python: bool = False, packages: Sequence[Path] = ()
) -> int:
    """Run an arm64 program, or a script of the root's Python, on the board's CPU; return the instructions it took.

    Python finds what is in `packages` before what is in site/. OpenBLAS, which numpy brings, gets one thread: others
    would wait in a loop, and counts would differ from run to run.
    """
    return _emulate(folder, board, command, python, packages, None)["insns"]


def marked_instructions(
    folder: Path, board: str, command: Sequence[str | Path], packages: Sequence[Path], blocks: Path | None = None
) -> int:
    """Run a script of the root's Python; return the instructions between its marks; write their blocks to a file."""
    return _emulate(folder, board, command, True, packages, blocks)["marked"]


def _emulate(
    folder: Path, board: str, command: Sequence[str | Path], python: bool, packages: Sequence[Path], blocks: Path | None
) -> dict[str, int]:
    plugin = f"{counting_plugin(folder)}{f',blocks={blocks}' if blocks else ''}"
    emulator: list[str | Path] = ["qemu-aarch64", "-plugin", plugin, "-cpu", BOARDS[board].cpu]
    if python:
        emulator += ["-L", board_root(folder, board), folder / "root/usr/bin" / PYTHON]
    path = os.pathsep.join(str(part) for part in (*packages, folder / "site"))
    settings = {"PYTHONHASHSEED": "0", "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"}
    # Without this variable Python keeps its bytecode, as it does where Debian and pip installed it.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    lines = run(*emulator, *command, env=environment | settings).splitlines()
    return {line.split(": ")[0]: int(line.split()[1]) for line in lines if line.startswith(("insns: ", "marked: "))}


def counting_plugin(folder: Path) -> Path:
    """Compile the plugin into a folder, unless that was done from the same source."""
    folder.mkdir(parents=True, exist_ok=True)
    source = HERE / "count_instructions.c"
    plugin = folder / f"libinsn-{hashlib.sha256(source.read_bytes()).hexdigest()[:12]}.so"
    if not plugin.exists():
        new = plugin.with_suffix(f".{os.getpid()}")  # two may start at the same time
        run("gcc", "-shared", "-fPIC", "-O2", "-o", new, source)
        new.replace(plugin)
    return plugin


def board_root(folder: Path, board: str) -> Path:
    """Return the root as it is on a board: its /proc/cpuinfo, and links to the rest; boards can run side by side."""
    root = folder / "boards" / board
    cpuinfo, text = root / "proc/cpuinfo", BOARDS[board].cpuinfo()
    if not cpuinfo.exists() or cpuinfo.read_text() != text:
        cpuinfo.parent.mkdir(parents=True, exist_ok=True)
        for part in (folder / "root").iterdir():
            if part.name != "proc" and not (root / part.name).exists():
                (root / part.name).symlink_to(part)
        cpuinfo.write_text(text)
    return root
