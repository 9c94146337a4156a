"""An arm64 Debian Python with LiteRT's aarch64 wheel, and boards to run it on under qemu-aarch64 on an x86-64 Debian.

`make` fills a folder: root/ from Debian's arm64 packages (apt with a state of its own; the machine's packages stay as
they are), site/ from the package index, and libinsn.so, the plugin that counts instructions.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOOLS = {"qemu-aarch64": "qemu-user", "gcc": "gcc", "apt-get": "apt", "dpkg": "dpkg"}  # program: its Debian package
PYTHON = "python3.11"
LIBRARIES = (
    "libc6", "libgcc-s1", "libstdc++6", "zlib1g", "libexpat1", "libssl3", "libffi8", "libbz2-1.0", "liblzma5",
    "libsqlite3-0", "libncursesw6", "libtinfo6", "libreadline8", "libuuid1", "libcrypt1", "libgomp1",
)  # fmt: skip
DEBS = (PYTHON, f"{PYTHON}-minimal", f"lib{PYTHON}-minimal", f"lib{PYTHON}-stdlib", *LIBRARIES)
PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")
NATIVE_WHEELS = ("ai-edge-litert", "numpy", "ml_dtypes")  # the first two in the versions that are installed here
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
    """Make the root in `folder`, unless an earlier call finished there; takes a minute and 400 MB."""
    done = folder / "libinsn.so"
    if done.exists():
        return
    missing = [f"{package} (for {program})" for program, package in TOOLS.items() if not shutil.which(program)]
    if missing:
        sys.exit(f"Debian packages are missing: apt-get install {', '.join(missing)}")
    folder.mkdir(parents=True, exist_ok=True)
    install_debs(folder)
    install_wheels(folder)
    run("gcc", "-shared", "-fPIC", "-O2", "-o", done, HERE / "count_instructions.c")


def install_debs(folder: Path) -> None:
    """Unpack Debian's arm64 Python and what it needs in root/."""
    state, debs = folder / "apt", folder / "debs"
    for part in (state / "lists/partial", state / "cache/archives/partial", debs):
        part.mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    settings = {
        "Dir::State": state,
        "Dir::State::status": state / "status",
        "Dir::Cache": state / "cache",
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
    }
    apt = ["apt-get", "-qq", *(word for key, value in settings.items() for word in ("-o", f"{key}={value}"))]
    run(*apt, "update")
    run(*apt, "download", *DEBS, cwd=debs)
    for deb in debs.glob("*.deb"):
        run("dpkg", "-x", deb, folder / "root")


def install_wheels(folder: Path) -> None:
    """Unpack LiteRT's aarch64 wheel and what it needs in site/."""
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", folder / "wheels"]
    platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
    pinned = [f"{name}=={version(name)}" for name in NATIVE_WHEELS[:2]]
    run(
        *pip,
        *platforms,
        "--python-version",
        PYTHON.removeprefix("python"),
        "--implementation",
        "cp",
        *pinned,
        *NATIVE_WHEELS[2:],
    )
    run(*pip, "--platform", "any", *PURE_WHEELS)
    for wheel in (folder / "wheels").glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder / "site")


def instructions(folder: Path, board: str, command: list[str | Path], *, python: bool = False) -> int:
    """Run an arm64 program, or a script of the root's Python, on the board's CPU; return the instructions it took."""
    emulator: list[str | Path] = ["qemu-aarch64", "-plugin", folder / "libinsn.so", "-cpu", BOARDS[board].cpu]
    if python:
        root = folder / "root"
        (root / "proc").mkdir(exist_ok=True)
        (root / "proc/cpuinfo").write_text(BOARDS[board].cpuinfo())
        emulator += ["-L", root, root / "usr/bin" / PYTHON]
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(folder / "site")}
    lines = run(*emulator, *command, env=environment).splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("insns: "))


def run(*command: object, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """Run a command and return what it wrote on stderr; exit with that if it fails."""
    words = [str(word) for word in command]
    result = subprocess.run(words, cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(words)}\n{result.stderr}")
    return result.stderr
