"""A local folder, part by part: folders come before what is in them."""

import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ._base import Transport, TransportError


@dataclass(frozen=True, slots=True)
class Part:
    """A folder, file or link in a tree: the local one, its path in the tree (`.` for the whole), what it is."""

    local: Path
    inside: PurePosixPath
    mode: int
    points_to: str | None

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, not a link to one."""
        return stat.S_ISDIR(self.mode)

    @property
    def permissions(self) -> int:
        """The permission bits."""
        return stat.S_IMODE(self.mode)


def require_file(local: Path) -> None:
    """Raise TransportError unless there is such a file on this machine: no computer can be blamed for that."""
    if not local.is_file():
        raise TransportError(f"{local} cannot be copied: {'it is no file' if local.exists() else 'it is not there'}.")


def require_removable(remote: PurePosixPath) -> None:
    """Raise TransportError for a path that is too short to be meant: not all systems refuse to remove `/`."""
    if not remote.is_absolute() or len(remote.parts) < 2 or ".." in remote.parts:
        raise TransportError(f"{remote} is not removed: it is no path inside of the root folder.")


def half_name(remote: PurePosixPath) -> PurePosixPath:
    """Return the name that a file has while it is being copied."""
    return remote.with_name(f".{remote.name}.part")


def parts_of(folder: Path) -> list[Part]:
    """Return the folder and all in it, in an order that does not depend on the disk; raises TransportError."""
    try:
        parts = list(_walk(folder, PurePosixPath()))
    except OSError as error:
        raise TransportError(f"{error.filename} cannot be read: {error.strerror}.") from error
    if not parts[0].is_folder:
        raise TransportError(f"{folder} is no folder.")
    return parts


def _walk(local: Path, inside: PurePosixPath) -> Iterator[Part]:
    mode = local.lstat().st_mode
    part = Part(local, inside, mode, str(local.readlink()) if stat.S_ISLNK(mode) else None)
    yield part
    if part.is_folder:
        for child in sorted(local.iterdir()):
            yield from _walk(child, inside / child.name)


def put_each(transport: Transport, local: Path, remote: PurePosixPath, names: Sequence[str]) -> None:
    """Copy files of a folder with one call for each, and one for each folder that they are in."""
    for folder in folders_of(names):
        transport.make_folder(remote / folder)
    for name in names:
        transport.put(local / name, remote / name, mode=stat.S_IMODE((local / name).stat().st_mode))


def folders_of(names: Sequence[str]) -> list[PurePosixPath]:
    """Return the folders that files are in, by their paths, each before what is in it."""
    return sorted({folder for name in names for folder in PurePosixPath(name).parents} - {PurePosixPath()})


def put_parts(transport: Transport, local: Path, remote: PurePosixPath) -> None:
    """Copy a folder with one call for each of its parts."""
    for part in parts_of(local):
        there = remote / part.inside
        if part.points_to is not None:
            transport.make_link(there, part.points_to)
        elif not part.is_folder:
            transport.put(part.local, there, mode=part.permissions)
        elif not transport.make_folder(there):
            raise TransportError(f"Cannot copy {local} to {transport.title}: {there} is there already.")
