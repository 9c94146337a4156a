"""A computer that fails at a chosen moment, to prove that nothing is lost then."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal, Self, TypeVar

from ._base import Finished, Transport, TransportError
from ._tree import put_each, put_parts

if TYPE_CHECKING:
    from edgequant_device_checks import Device

Result = TypeVar("Result")


# When an operation fails: before it begins; halfway, where it copies a file or removes a folder (others then do not
# begin); after it is done, with the answer lost.
Moment = Literal["before", "halfway", "after"]


class FaultyTransport:
    """Any transport, whose connection is lost at its n-th operation (from 1; 0 never); then nothing works any more.

    Each call is an operation, and so is each part of a tree that is copied, and the making and the removing of a
    temporary folder. `operations` are those so far, in words. `close` closes the transport within.
    """

    def __init__(self, within: Transport, *, fails_at: int = 0, moment: Moment = "before") -> None:
        self._within = within
        self._fails_at = fails_at
        self._moment = moment
        self._lost = False
        self.operations: list[str] = []

    @property
    def title(self) -> str:
        """Return the title of the transport within."""
        return self._within.title

    @property
    def is_emulated(self) -> bool:
        """Whether the transport within is."""
        return self._within.is_emulated

    def _do(self, name: str, work: Callable[[], Result], half: Callable[[], object] | None = None) -> Result:
        """Count an operation and do it, unless the connection is lost; `half` does half of it."""
        if self._lost:
            raise TransportError(f"The connection to {self.title} was lost: nothing more can be done there.")
        self.operations.append(name)
        if len(self.operations) != self._fails_at:
            return work()
        self._lost = True
        if self._moment == "after":
            work()
        elif self._moment == "halfway" and half is not None:
            half()
        raise TransportError(f"The connection to {self.title} was lost.")

    def device(self) -> "Device":
        """Count as one operation."""
        return self._do("device", self._within.device)

    def run(self, command: Sequence[str | PurePosixPath], *, stdin: bytes = b"", timeout: float = 60) -> Finished:
        """Count as one operation."""
        name = f"run {' '.join(map(str, command))}"
        return self._do(name, lambda: self._within.run(command, stdin=stdin, timeout=timeout))

    def home(self) -> PurePosixPath:
        """Count as one operation."""
        return self._do("home", self._within.home)

    def put(self, local: Path, remote: PurePosixPath, *, mode: int = 0o644) -> None:
        """Count as one operation, of which half leaves half of the file."""

        def half() -> None:
            with tempfile.NamedTemporaryFile() as file:
                data = local.read_bytes()
                file.write(data[: len(data) // 2])
                file.flush()
                self._within.put(Path(file.name), remote, mode=mode)

        self._do(f"put {remote}", lambda: self._within.put(local, remote, mode=mode), half)

    def put_tree(self, local: Path, remote: PurePosixPath) -> None:
        """Count each part as an operation."""
        put_parts(self, local, remote)

    def put_files(self, local: Path, remote: PurePosixPath, names: Sequence[str], *, resume: bool = False) -> None:
        """Count each file, and the making of its folder, as an operation."""
        if not resume:
            put_each(self, local, remote, names)

    def get(self, remote: PurePosixPath, local: Path) -> None:
        """Count as one operation."""
        self._do(f"get {remote}", lambda: self._within.get(remote, local))

    def exists(self, remote: PurePosixPath) -> bool:
        """Count as one operation."""
        return self._do(f"exists {remote}", lambda: self._within.exists(remote))

    def list(self, remote: PurePosixPath) -> list[str]:
        """Count as one operation."""
        return self._do(f"list {remote}", lambda: self._within.list(remote))

    def make_folder(self, remote: PurePosixPath, *, parents: bool = False) -> bool:
        """Count as one operation."""
        return self._do(f"make_folder {remote}", lambda: self._within.make_folder(remote, parents=parents))

    def make_link(self, remote: PurePosixPath, points_to: str) -> None:
        """Count as one operation."""
        self._do(f"make_link {remote}", lambda: self._within.make_link(remote, points_to))

    def read_link(self, remote: PurePosixPath) -> str | None:
        """Count as one operation."""
        return self._do(f"read_link {remote}", lambda: self._within.read_link(remote))

    def rename(self, old: PurePosixPath, new: PurePosixPath) -> None:
        """Count as one operation; a rename has no half."""
        self._do(f"rename {old} {new}", lambda: self._within.rename(old, new))

    def remove_tree(self, remote: PurePosixPath) -> None:
        """Count as one operation, of which half removes every other part."""
        self._do(f"remove_tree {remote}", lambda: self._within.remove_tree(remote), lambda: self._remove_half(remote))

    def _remove_half(self, remote: PurePosixPath) -> None:
        if not self._within.exists(remote) or self._within.run(["test", "-f", remote]).status == 0:
            return
        for name in self._within.list(remote)[::2]:
            self._within.remove_tree(remote / name)

    @contextmanager
    def temporary_folder(self) -> Iterator[PurePosixPath]:
        """Count making and removing as an operation each; once the connection is lost, removing is left to `close`."""
        made = self._within.temporary_folder()
        folder = self._do("make temporary_folder", made.__enter__)
        try:
            yield folder
        finally:
            if not self._lost:
                self._do("remove temporary_folder", lambda: made.__exit__(None, None, None))

    def close(self) -> None:
        """Close the transport within."""
        self._within.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
