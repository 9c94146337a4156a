"""What every way to a computer can do: run a program, move files, rename in one step."""

import signal as signals
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol, Self

from edgequant._errors import EdgequantError

if TYPE_CHECKING:
    from edgequant_device_checks import Device

LONGEST_OUTPUT = 2**26  # bytes that a program may print, and that a file may have to be copied here: a limit for memory


class TransportError(EdgequantError):
    """The computer cannot be reached, or does not do what was asked; the text says what to do next."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A program that ended: its exit status as a shell sees it (128 + n after signal n) and what it wrote."""

    status: int
    stdout: bytes = b""
    stderr: bytes = b""

    @property
    def signal(self) -> signals.Signals | None:
        """The signal that ended it, None if it ended by itself."""
        number = self.status - 128
        return signals.Signals(number) if number in set(signals.Signals) else None

    @property
    def text(self) -> str:
        """Standard output as text; bytes that are no UTF-8 are replaced."""
        return self.stdout.decode("utf-8", "replace")

    @property
    def complaint(self) -> str:
        """The last line of standard error, or the status if there is none."""
        lines = self.stderr.decode("utf-8", "replace").strip().splitlines()
        return lines[-1].strip() if lines else f"exit code {self.status}"


class Transport(Protocol):
    """A computer. Paths there are absolute; every method raises TransportError where the computer fails, not Python.

    A context manager: leaving it closes the connection and removes every temporary folder, also after an interruption.
    """

    @property
    def title(self) -> str:
        """What to call the computer in a sentence: `pi@192.168.1.5`, `an emulated Raspberry Pi 4`."""

    @property
    def is_emulated(self) -> bool:
        """Whether its speed and memory say nothing of a real board."""

    def device(self) -> "Device":
        """Return what the computer is; asked once, then remembered."""

    def run(self, command: Sequence[str | PurePosixPath], *, stdin: bytes = b"", timeout: float = 60) -> Finished:
        """Run a program with arguments (nothing is expanded) and wait; a status other than 0 is no error here.

        A program that takes longer than `timeout` seconds, or prints more than LONGEST_OUTPUT bytes, is killed, and
        TransportError raised. What it started ends with it, but for what began a session of its own.
        """

    def home(self) -> PurePosixPath:
        """Return the folder that relative paths of a user (`models/kws`, `~/kws`) start from."""

    def put(self, local: Path, remote: PurePosixPath, *, mode: int = 0o644) -> None:
        """Copy a file there; a file that is there already is replaced. Half a file may be left on a failure."""

    def put_tree(self, local: Path, remote: PurePosixPath) -> None:
        """Copy a folder there, which must not exist yet, with the permission bits of its files."""

    def put_files(self, local: Path, remote: PurePosixPath, names: Sequence[str], *, resume: bool = False) -> None:
        """Copy files of a folder, by their paths in it, to one that is there; folders in it that are missing are made.

        With `resume`, only what a transfer that was cut off left of them is continued, as far as that can be: check
        their digests, and copy anew those that are still wrong.
        """

    def get(self, remote: PurePosixPath, local: Path) -> None:
        """Copy a file here; TransportError for one with more than LONGEST_OUTPUT bytes."""

    def exists(self, remote: PurePosixPath) -> bool:
        """Tell whether something has that name; a link counts, wherever it points."""

    def list(self, remote: PurePosixPath) -> list[str]:
        """Return the names in a folder, sorted; [] for a folder that does not exist."""

    def make_folder(self, remote: PurePosixPath, *, parents: bool = False) -> bool:
        """Make a folder; return False if something of that name was there. Of two callers one gets True.

        With `parents`, make those that are missing too.
        """

    def make_link(self, remote: PurePosixPath, points_to: str) -> None:
        """Make a symbolic link; an error if something of that name is there."""

    def read_link(self, remote: PurePosixPath) -> str | None:
        """Return what a symbolic link points to, None if there is none of that name."""

    def rename(self, old: PurePosixPath, new: PurePosixPath) -> None:
        """Move a file, link or folder in one step, as the system call does: a file or link of that name is replaced."""

    def remove_tree(self, remote: PurePosixPath) -> None:
        """Remove a file, a link (not what it points to) or a folder with all in it; nothing there is no error."""

    def temporary_folder(self) -> AbstractContextManager[PurePosixPath]:
        """Make a private folder (mode 700) on a file system from which programs may run, and remove it at the end."""

    def close(self) -> None:
        """End the connection and remove what is left there; may be called twice."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object, /) -> None: ...
