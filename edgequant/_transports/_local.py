"""The machine that this process runs on."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Self

from ._base import LONGEST_OUTPUT, Finished
from ._program import OutputTooLongError, run_program
from ._sentences import file_error, printed_too_much, too_large, took_too_long
from ._tree import half_name, put_each, put_parts, require_file, require_removable

if TYPE_CHECKING:
    from edgequant_device_checks import Device

# What a shell says of a program that is not there, and of one that cannot be started.
NOT_FOUND, NOT_STARTED = 127, 126


class LocalTransport:
    """The machine that this process runs on. Programs start in its root folder."""

    is_emulated = False

    def __init__(self) -> None:
        self._device: Device | None = None
        self._temporary_folders: set[Path] = set()

    @property
    def title(self) -> str:
        """Return `this machine`."""
        return "this machine"

    def device(self) -> "Device":
        """Return what this machine is."""
        if self._device is None:
            self._device = self._ask_device()
        return self._device

    def _ask_device(self) -> "Device":
        from edgequant_device_checks import probe

        return probe()

    def run(self, command: Sequence[str | PurePosixPath], *, stdin: bytes = b"", timeout: float = 60) -> Finished:
        """Run a program."""
        return self._start([], [str(word) for word in command], Path("/"), stdin, timeout)

    def _start(self, emulator: list[str], command: list[str], folder: Path, stdin: bytes, timeout: float) -> Finished:
        try:
            return run_program([*emulator, *command], stdin=stdin, timeout=timeout, folder=folder)
        except subprocess.TimeoutExpired:
            raise took_too_long(command[0], timeout, self.title) from None
        except OutputTooLongError:
            raise printed_too_much(command[0], self.title) from None
        except (FileNotFoundError, NotADirectoryError):
            return Finished(NOT_FOUND, stderr=f"{command[0]}: not found".encode(errors="replace"))
        except OSError as error:
            # A folder of PATH that may not be read gives another error for a name that is nowhere.
            status = NOT_FOUND if shutil.which(command[0]) is None and "/" not in command[0] else NOT_STARTED
            return Finished(status, stderr=f"{command[0]}: {error.strerror}".encode(errors="replace"))

    def home(self) -> PurePosixPath:
        """Return the user's home folder."""
        return PurePosixPath(Path.home())

    def put(self, local: Path, remote: PurePosixPath, *, mode: int = 0o644) -> None:
        """Copy a file."""
        require_file(local)
        half = Path(half_name(remote))
        with self._saying(f"write {remote}"):
            try:
                shutil.copyfile(local, half)
                half.chmod(mode)
                half.replace(remote)
            finally:
                half.unlink(missing_ok=True)

    def put_tree(self, local: Path, remote: PurePosixPath) -> None:
        """Copy a folder."""
        put_parts(self, local, remote)

    def put_files(self, local: Path, remote: PurePosixPath, names: Sequence[str], *, resume: bool = False) -> None:
        """Copy files of a folder; nothing is worth continuing here."""
        if not resume:
            put_each(self, local, remote, names)

    def get(self, remote: PurePosixPath, local: Path) -> None:
        """Copy a file."""
        with self._saying(f"read {remote}"):
            if Path(remote).stat().st_size > LONGEST_OUTPUT or Path(remote).is_char_device():
                raise too_large(f"read {remote}", self.title)
            shutil.copyfile(remote, local)

    def exists(self, remote: PurePosixPath) -> bool:
        """Tell whether something has that name."""
        return os.path.lexists(remote)

    def list(self, remote: PurePosixPath) -> list[str]:
        """Return the names in a folder."""
        with self._saying(f"list {remote}"):
            try:
                return sorted(path.name for path in Path(remote).iterdir())
            except FileNotFoundError:
                return []

    def make_folder(self, remote: PurePosixPath, *, parents: bool = False) -> bool:
        """Make a folder."""
        with self._saying(f"make the folder {remote}"):
            if parents:
                Path(remote).parent.mkdir(parents=True, exist_ok=True)
            try:
                Path(remote).mkdir()
            except FileExistsError:
                return False
        return True

    def make_link(self, remote: PurePosixPath, points_to: str) -> None:
        """Make a symbolic link."""
        with self._saying(f"make the link {remote}"):
            Path(remote).symlink_to(points_to)

    def read_link(self, remote: PurePosixPath) -> str | None:
        """Return what a symbolic link points to."""
        with self._saying(f"read the link {remote}"):
            return str(Path(remote).readlink()) if Path(remote).is_symlink() else None

    def rename(self, old: PurePosixPath, new: PurePosixPath) -> None:
        """Move in one step."""
        with self._saying(f"rename {old} to {new}"):
            Path(old).replace(new)

    def remove_tree(self, remote: PurePosixPath) -> None:
        """Remove a file, a link or a folder."""
        require_removable(remote)
        path = Path(remote)
        with self._saying(f"remove {remote}"):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    @contextmanager
    def temporary_folder(self) -> Iterator[PurePosixPath]:
        """Make a private folder, and remove it at the end."""
        folder = self._make_private_folder()
        self._temporary_folders.add(folder)
        try:
            yield PurePosixPath(folder)
        finally:
            self._remove_private_folder(folder)

    def _make_private_folder(self) -> Path:
        with self._saying("make a temporary folder"):
            return Path(tempfile.mkdtemp(prefix="edgequant-", dir=_runnable_folder()))

    def _remove_private_folder(self, folder: Path) -> None:
        self.remove_tree(PurePosixPath(folder))
        self._temporary_folders.discard(folder)

    @contextmanager
    def _saying(self, doing: str) -> Iterator[None]:
        """Turn the system's errors into a sentence."""
        try:
            yield
        except OSError as error:
            raise file_error(doing, self.title, error.strerror or str(error)) from error

    def close(self) -> None:
        """Remove the temporary folders that are left."""
        for folder in sorted(self._temporary_folders):
            self._remove_private_folder(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _runnable_folder() -> Path:
    """Return a folder for temporary files that programs may be started from; administrators mount /tmp without."""
    usual = Path(tempfile.gettempdir())
    for folder in (usual, Path("/tmp"), Path("/var/tmp"), Path.home()):
        if folder.is_dir() and os.access(folder, os.W_OK) and not os.statvfs(folder).f_flag & os.ST_NOEXEC:
            return folder
    return usual
