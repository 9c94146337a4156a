"""Built files are kept: a folder each, which is there complete or not at all."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ._target import TargetError


def cache_folder() -> Path:
    """Return where to keep what can be made again: EDGEQUANT_CACHE, or edgequant in the user's cache folder."""
    told = os.environ.get("EDGEQUANT_CACHE")
    if told:
        return Path(told).absolute()
    shared = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        return (shared if shared.is_absolute() else Path.home() / ".cache") / "edgequant"
    except RuntimeError:
        raise TargetError("There is no home folder to keep programs in: set EDGEQUANT_CACHE to a folder.") from None


def kept(cache: Path, name: str, digest: str, is_sound: Callable[[Path], bool], make: Callable[[Path], Path]) -> Path:
    """Return the folder of that name and digest, made if it is missing or not sound.

    `make` gets an empty folder to work in, always the same for a name, and returns the folder in it that is to be kept.
    Of several processes one makes it and the others wait; one that is killed leaves nothing that counts. Raises
    TargetError where the cache cannot be written.
    """
    entry = cache / "runners" / name / digest
    try:
        if not is_sound(entry):
            with _alone(cache / "locks" / name), _working_folder(cache / "building" / name) as work:
                if not is_sound(entry):
                    made = make(work)
                    shutil.rmtree(entry, ignore_errors=True)
                    entry.parent.mkdir(parents=True, exist_ok=True)
                    made.rename(entry)
        return entry
    except OSError as error:
        raise TargetError(
            f"Programs for boards are kept in {cache}, which cannot be used ({error.strerror or error}): "
            "set EDGEQUANT_CACHE to a folder that you may write to, with room."
        ) from error


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock, which ends with the process at the latest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _working_folder(folder: Path) -> Iterator[Path]:
    """Make an empty folder, whatever a killed process left there, and remove it at the end."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
