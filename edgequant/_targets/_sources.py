"""The C sources of the engine and the program, wherever edgequant is installed."""

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path

from ._target import TargetError

_CHECKOUT = Path(__file__).parents[2] / "runtime" / "csrc"
# tests/ and fuzz/ make no difference to what is built here.
_PARTS = ("CMakeLists.txt", "cmake", "include", "program", "src", "task")


@dataclass(frozen=True)
class Sources:
    """The files by their paths in the folder, in memory: what is digested is what is compiled."""

    files: dict[str, bytes]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all names and contents."""
        total = hashlib.sha256()
        for name, content in sorted(self.files.items()):
            total.update(f"{name}\0{len(content)}\0".encode() + content)
        return total.hexdigest()

    @property
    def version(self) -> str:
        """The engine's version."""
        found = re.search(rb"project\(edgequant VERSION ([\d.]+)", self.files["CMakeLists.txt"])
        if not found:
            raise TargetError("The C sources of the engine name no version: install edgequant again.")
        return found[1].decode()

    def write(self, folder: Path) -> None:
        """Make the folder with all files."""
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def read_sources() -> Sources:
    """Read what was installed with edgequant, or in a checkout what is there; raises TargetError if neither is."""
    installed = Path(str(files("edgequant"))) / "_csrc"
    folder = installed if installed.is_dir() else _CHECKOUT
    paths = [path for part in _PARTS for path in sorted([folder / part, *(folder / part).rglob("*")]) if path.is_file()]
    if folder / "CMakeLists.txt" not in paths:
        raise TargetError(f"The C sources of the engine are missing ({installed}): install edgequant again.")
    return Sources({path.relative_to(folder).as_posix(): path.read_bytes() for path in paths})
