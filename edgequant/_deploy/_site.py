"""The folder of a board that releases are deployed to: what is where in it, and every change that is made to it."""

import re
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from edgequant._errors import EdgequantError
from edgequant._transports import TransportError

from ._errors import DeployError, LockedError
from ._history import RELEASE_NAME, History, is_torn

if TYPE_CHECKING:
    from edgequant._transports import Transport

_LINK = re.compile(rf"releases/({RELEASE_NAME.pattern})/?")
# What is being written, and what it is called while it is copied; whoever holds the lock may remove what others left.
_MADE = r"\.incoming-([0-9a-f]{16}|history|current)-[0-9a-f]{8}"
_UNFINISHED = re.compile(rf"{_MADE}|\.{_MADE}\.part")
_FLUSH_SECONDS = 600
_OLD_SYNC = ("option", "usage")  # a `sync` that knows no -f flushes every disk, and is as good


def parse_path(text: str, home: PurePosixPath) -> PurePosixPath:
    """Return a user's `--path` as an absolute one: `~/kws` and `models/kws` start at the board's home folder."""
    if text == "~" or text.startswith("~/"):
        text = text[1:].lstrip("/")
    elif text.startswith("~"):
        raise DeployError(f"--path {text}: give the folder of another user as an absolute path.")
    if not text.isprintable():
        raise DeployError(f"--path {text!r} has a character that cannot be printed: choose another name.")
    path = home / text
    if ".." in path.parts:
        raise DeployError(f"--path {text} has '..' in it: give the path without.")
    if path in (home, PurePosixPath("/")):
        raise DeployError(f"--path {text or repr('')} leaves no folder to deploy to: name one, such as ~/models/kws.")
    return path


@dataclass(frozen=True, slots=True)
class State:
    """What is deployed: the current release (its folder may be gone), all that are there, and their history.

    `unfinished` is what deployers are making, or left that were killed or cut off.
    """

    current: str | None
    releases: tuple[str, ...]
    history: History
    unfinished: tuple[PurePosixPath, ...]

    @property
    def standing(self) -> str | None:
        """The current release if it is there."""
        return self.current if self.current in self.releases else None

    @property
    def previous(self) -> str | None:
        """The release that was current before the current one."""
        return self.history.before(self.current)


class Site:
    """A folder of a board.

    `lock_text` is the text of the lock while this deployer holds it. `left` collects what could not be removed, and
    why; `standing` says what is current.
    """

    def __init__(self, transport: "Transport", path: PurePosixPath) -> None:
        self.transport = transport
        self.path = path
        self.releases = path / "releases"
        self.current = path / "current"
        self.lock = path / "lock"
        self.lock_text = ""
        self.history = path / "history"
        self.left: dict[PurePosixPath, TransportError] = {}
        self.standing = ""

    def release(self, name: str) -> PurePosixPath:
        """Return the folder of a release."""
        return self.releases / name

    def read(self) -> State:
        """Look at what is deployed."""
        current = self.read_current()
        self.standing = _standing(current, "still current")
        inside, below = self.transport.list(self.path), self.transport.list(self.releases)
        paths = (*(self.path / name for name in inside), *(self.releases / name for name in below))
        releases = tuple(name for name in below if RELEASE_NAME.fullmatch(name))
        return State(
            current,
            releases,
            self._read_history().among(releases) if self.history.name in inside else History(),
            tuple(path for path in paths if _UNFINISHED.fullmatch(path.name)),
        )

    def read_current(self) -> str | None:
        """Return the name of the current release, None if nothing was deployed yet."""
        target = self.transport.read_link(self.current)
        if target is None:
            if self.transport.exists(self.current):
                raise DeployError(
                    f"{self.current} on {self.transport.title} is no link, so it is not edgequant's: rename it, or "
                    f"deploy to another --path."
                )
            return None
        link = _LINK.fullmatch(target)
        if link is None:
            raise DeployError(
                f"{self.current} on {self.transport.title} is a link to {target}, which is no release of this version "
                f"of edgequant: rename it, or deploy to another --path."
            )
        return link[1]

    def _read_history(self) -> History:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "history"
            self.transport.get(self.history, copy)
            text = copy.read_text(encoding="utf-8", errors="replace")
        history = History.parse(text)
        if not history.entries and not is_torn(text):
            raise DeployError(
                f"{self.history} on {self.transport.title} is not edgequant's: rename it, or deploy to another --path."
            )
        return history

    def check_lock(self) -> None:
        """Raise LockedError if somebody has broken this deployer's lock since."""
        if self.transport.read_link(self.lock) != self.lock_text:
            self._put_right()
            raise LockedError("Somebody has broken this deployer's lock and may be deploying now.")

    def _put_right(self) -> None:
        """See to it that what is current is there, after another deployer's changes and this one's have met."""
        state = self.read()
        self.standing = _standing(state.current)
        if state.current != state.standing:
            self.standing = f"{self.release(str(state.current))}, which was current, is gone: deploy its bundle again."
            for name in state.history.newest_first[:1]:
                self._make_current(name)
                self.standing = f"Release {state.current} is gone, so {name} was made current."

    def write_history(self, history: History) -> None:
        """Replace the history in one step, with all that was written before it on disk."""
        with tempfile.TemporaryDirectory() as folder, self.unfinished(self.path, "history") as there:
            copy = Path(folder) / "history"
            copy.write_text(history.text, encoding="utf-8")
            self.transport.put(copy, there)
            self.flush()
            self.check_lock()
            self.transport.rename(there, self.history)

    def switch(self, name: str) -> None:
        """Make a release current in one step, and get that on disk.

        The last look at the lock comes after the new link is made: a deployer who breaks the lock later removes that
        link before all else, as unfinished, so the step fails. The looks afterwards show what came just before it.
        """
        self._make_current(name, self.check_lock)
        self.standing = _standing(name)
        self.check_lock()
        if not self.transport.exists(self.release(name)):
            self._put_right()
            raise DeployError(f"Somebody has removed {self.release(name)} while it became current.")
        self.flush()

    def leave(self) -> None:
        """Have nothing current any more, and get that on disk."""
        self.check_lock()
        self.transport.remove_tree(self.current)
        self.standing = _standing(None)
        self.flush()

    def _make_current(self, name: str, check: Callable[[], None] = lambda: None) -> None:
        with self.unfinished(self.path, "current") as there:
            self.transport.make_link(there, f"releases/{name}")
            check()
            try:
                self.transport.rename(there, self.current)
            except TransportError:
                self._look_what_is_current(name)
                raise

    def _look_what_is_current(self, name: str) -> None:
        # The connection can end before the board renames, or after that and before it says so.
        self.standing = f"What was current still is, or release {name} is: 'edgequant deploy --list' tells."
        with suppress(EdgequantError):
            self.standing = _standing(self.read_current())

    @contextmanager
    def unfinished(self, folder: PurePosixPath, what: str) -> Iterator[PurePosixPath]:
        """Yield a name for something that is renamed when it is whole, and remove what still has the name then."""
        path = folder / f".incoming-{what}-{secrets.token_hex(4)}"
        try:
            yield path
        except BaseException:
            self.discard(path)
            raise

    def discard(self, path: PurePosixPath) -> bool:
        """Remove something as far as the connection lives; tell whether it is gone."""
        try:
            self.transport.remove_tree(path)
        except TransportError as error:
            self.left[path] = error
            return False
        return True

    def flush(self) -> None:
        """Get everything on disk: a rename that survives a power cut must not name files that do not.

        The releases can be on another disk, behind a link.
        """
        done = self.transport.run(["sync", "-f", self.path, self.releases], timeout=_FLUSH_SECONDS)
        if done.status and any(word in done.stderr.decode("utf-8", "replace").lower() for word in _OLD_SYNC):
            done = self.transport.run(["sync"], timeout=_FLUSH_SECONDS)
        if done.status:
            raise DeployError(f"{self.transport.title} cannot write to its disk ('sync' fails): {done.complaint}.")


def _standing(current: str | None, word: str = "current") -> str:
    return f"Release {current} is {word}." if current else "Nothing is current there."


@contextmanager
def explaining(site: Site) -> Iterator[None]:
    """Have an error say what is current and what was left there; a lock that was left is one itself."""
    try:
        yield
    except EdgequantError as error:
        text = " ".join(filter(None, (str(error), site.standing, _what_is_left(site))))
        raise (LockedError if isinstance(error, LockedError) else DeployError)(text) from error
    if site.lock in site.left:
        raise DeployError(f"{site.left[site.lock]} {site.standing} {_what_is_left(site)}")


def _what_is_left(site: Site) -> str:
    if not site.left:
        return ""
    names = ", ".join(map(str, site.left))
    cure = "edgequant deploy --break-lock" if site.lock in site.left else "deployment"
    return f"Left there: {names}; the next {cure} removes that, or goes on with it."
