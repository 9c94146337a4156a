"""The aarch64 wheel of edgequant_runtime, unpacked where the emulated Python finds it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

WHEELS = Path(__file__).resolve().parent.parent / "wheels"


def unpacked(wheel: Path | None, folder: Path) -> Path:
    """Unpack the wheel, or one that is built now, in a folder; return where its packages are."""
    packages = folder / "packages"
    with zipfile.ZipFile(wheel or _build(folder)) as archive:
        archive.extractall(packages)
    return packages


def _build(folder: Path) -> Path:
    command = [sys.executable, str(WHEELS), "--machine", "aarch64", "--output", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return next(folder.glob("*.whl"))
