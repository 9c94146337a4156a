"""A board that is not there: its programs run under qemu-user, with its CPU and its description of itself."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from edgequant._targets import Target

from ._base import Finished, TransportError
from ._elf import machine_of
from ._local import LocalTransport
from ._pretence import device_of, write_root

if TYPE_CHECKING:
    from edgequant_device_checks import Device

_MACHINES = {"qemu-arm": "arm", "qemu-aarch64": "aarch64"}


class EmulatedTransport(LocalTransport):
    """A board of which only the CPU is emulated; files are this machine's, and its home is a private folder.

    A program that is given by its path runs under qemu-user, always told the board's CPU (the default has every
    feature there is), and reads the board's /proc/cpuinfo; anything else than an ELF file for that CPU is refused. A
    program that is given by its name (`sh`, `sha256sum`) is this machine's. It is no sandbox. Raises TransportError
    where nothing can be emulated.
    """

    is_emulated = True

    def __init__(self, target: Target) -> None:
        super().__init__()
        if target.emulator is None or target.emulator_cpu is None:
            raise TransportError(
                f"{target.title} is not emulated: run there with --local, or reach such a machine with --host."
            )
        self._target = target
        self._emulator = _find_emulator(target.emulator)
        self._private: Path | None = None

    @property
    def title(self) -> str:
        """Return `an emulated Raspberry Pi 4`."""
        return f"an emulated {self._target.title}"

    def _ask_device(self) -> "Device":
        return device_of(self._target)

    def run(self, command: Sequence[str | PurePosixPath], *, stdin: bytes = b"", timeout: float = 60) -> Finished:
        """Run a program, under the emulator if it is one of the board's."""
        words = [str(word) for word in command]
        return self._start(self._emulation(words[0]), words, self._private_folder(), stdin, timeout)

    def _emulation(self, program: str) -> list[str]:
        if "/" not in program or not os.access(program, os.F_OK):
            return []
        machine = machine_of(Path(program))
        if machine is None:
            raise TransportError(
                f"{Path(program).name} is no program of {self.title}: only ELF files run there, and no scripts."
            )
        if machine != _MACHINES[self._target.emulator or ""]:
            raise TransportError(
                f"{Path(program).name} is a program for {machine}, and {self.title} runs those for "
                f"{_MACHINES[self._target.emulator or '']}: emulate a board that it was built for."
            )
        root = self._private_folder() / "root"
        return [self._emulator, "-cpu", str(self._target.emulator_cpu), "-L", str(root)]

    def home(self) -> PurePosixPath:
        """Return a folder that is there until the transport is closed."""
        return PurePosixPath(self._private_folder() / "home")

    def _private_folder(self) -> Path:
        if self._private is None:
            folder = self._make_private_folder()
            self._temporary_folders.add(folder)
            with self._saying("make a temporary folder"):
                (folder / "home").mkdir()
                write_root(folder / "root", self.device(), self._target)
            self._private = folder
        return self._private

    def close(self) -> None:
        """Remove the temporary folders that are left, and the home."""
        super().close()
        self._private = None


def _find_emulator(name: str) -> str:
    found = shutil.which(name) or shutil.which(f"{name}-static")
    if found is None:
        raise TransportError(f"There is no {name} on this machine: install qemu-user: sudo apt-get install qemu-user")
    return found
