"""Writing outputs so that a failure halfway leaves the old file as it was."""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ._errors import OutputError


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is flushed to disk and renamed over `path`.

    The temporary file has the same suffix as `path` (writers that look at suffixes keep working). If the block raises,
    the temporary file is removed and an existing `path` keeps its old bytes. Because a rename within one folder is
    atomic, a reader sees the old file or the new one, never half of one, even if this process is killed.

    A symbolic link stays, and what it points to is replaced. Raises OutputError if the folder is missing or not
    writable, the file is write-protected, or the disk is full.
    """
    target = Path(path).resolve()
    if target.is_dir():
        raise OutputError(f"{target} is a folder: give a file name to write to.")
    if target.exists() and not target.stat().st_mode & stat.S_IWUSR:
        raise OutputError(f"{target} is write-protected: choose another name, or allow writing to it.")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.stem}-", suffix=target.suffix, dir=target.parent)
    except OSError as error:
        raise OutputError(
            f"Cannot write {target}: {error.strerror}; choose a folder that exists and is writable."
        ) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _flush_to_disk(temporary)
        # mkstemp makes files private; an output gets the permissions any other new file would get.
        temporary.chmod(target.stat().st_mode & 0o7777 if target.exists() else 0o666 & ~_umask())
        temporary.replace(target)
    except OSError as error:
        raise OutputError(
            f"Cannot write {target}: {error.strerror or error}; the old file, if any, is unchanged."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _flush_to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
