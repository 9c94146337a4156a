"""The lock against two deployers: a symbolic link `lock` whose text says who holds it.

Making a link either makes it with its text or fails because it is there, in one step; nothing can be half of it. A lock
is taken over by itself only where its owner cannot be working any more: the board has been restarted since, or the
owner was a process of this machine that has ended. Otherwise the user decides.
"""

import getpass
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qsl, urlencode

from edgequant._errors import EdgequantError
from edgequant._transports import TransportError

from ._errors import LockedError
from ._site import Site

if TYPE_CHECKING:
    from edgequant._transports import Transport

_BOOT_ID = "/proc/sys/kernel/random/boot_id"


@dataclass(frozen=True, slots=True)
class _Owner:
    """A deployer: who, its process on which machine, and when by the board's own time since its start.

    `boot` and `uptime` are the board's, and empty where it does not tell.
    """

    who: str = "somebody"
    pid: str = ""
    machine: str = ""
    boot: str = ""
    uptime: str = ""
    token: str = ""

    @classmethod
    def this_process(cls, transport: "Transport") -> Self:
        boot, uptime = _board_time(transport)
        return cls(whoami(), str(os.getpid()), _machine(), boot, uptime, secrets.token_hex(8))

    @classmethod
    def parse(cls, text: str) -> Self:
        known = {field.name for field in fields(cls)}
        return cls(**{key: value for key, value in parse_qsl(text) if key in known})

    @property
    def text(self) -> str:
        return urlencode(asdict(self))

    def describe(self, now: "_Owner") -> str:
        """Return who it is, and for how long it has been working."""
        return f"{self.who} (process {self.pid or 'unknown'}){self._age(now)}"

    def has_ended(self, now: "_Owner") -> bool:
        """Tell whether it is certain that it does not work any more."""
        restarted = bool(self.boot and now.boot) and self.boot != now.boot
        return restarted or (bool(self.machine) and self.machine == now.machine and not _is_alive(self.pid))

    def _age(self, now: "_Owner") -> str:
        if self.boot != now.boot or not (self.uptime.isdecimal() and now.uptime.isdecimal()):
            return ""
        seconds = max(0, int(now.uptime) - int(self.uptime))
        hours, minutes = seconds // 3600, seconds // 60
        words = f"{hours} h {minutes % 60} min" if hours else f"{minutes} min" if minutes else f"{seconds} s"
        return f" for {words}"


@contextmanager
def locked(site: Site, *, force: bool) -> Iterator[None]:
    """Hold the lock of a folder, which `site.check_lock` looks after.

    `force` takes it from whoever holds it. A lock that cannot be removed at the end goes into `site.left`.
    """
    mine = _Owner.this_process(site.transport)
    site.lock_text = mine.text
    try:
        _take(site, mine, force=force)
        with _looking_at_the_lock(site):
            yield
    finally:
        _release(site)


@contextmanager
def _looking_at_the_lock(site: Site) -> Iterator[None]:
    """Have whatever fails after the lock was broken say so: the other deployer removes what is being made here."""
    try:
        yield
    except LockedError:
        raise
    except EdgequantError:
        with suppress(TransportError):
            site.check_lock()
        raise


def _take(site: Site, mine: _Owner, *, force: bool) -> None:
    transport, where = site.transport, f"{site.lock} on {site.transport.title}"
    try:
        transport.make_link(site.lock, mine.text)
        return
    except TransportError:
        held = _held(site)
        if held in (None, mine.text):
            raise
        owner = _Owner.parse(held)
    if not (force or owner.has_ended(mine)):
        raise LockedError(
            f"{site.path} on {transport.title} is locked by {owner.describe(mine)}: wait until that deployer is done, "
            f"or, if it was cut off, take over with --break-lock."
        )
    transport.remove_tree(site.lock)
    try:
        transport.make_link(site.lock, mine.text)
    except TransportError as error:
        raise LockedError(f"{where} cannot be taken over: {error}") from None


def _held(site: Site) -> str | None:
    """Return the text of the lock, None if there is none or the connection is gone."""
    with suppress(TransportError):
        held = site.transport.read_link(site.lock)
        if held is None and site.transport.exists(site.lock):
            raise LockedError(
                f"{site.lock} on {site.transport.title} is no link, so it is not edgequant's: rename it, or deploy to "
                f"another --path."
            )
        return held
    return None


def _release(site: Site) -> None:
    try:
        is_mine = site.transport.read_link(site.lock) == site.lock_text
    except TransportError as error:
        site.left[site.lock] = error
        return
    if is_mine:
        site.discard(site.lock)


def describe_lock(site: Site) -> str | None:
    """Return who holds the lock of a folder, None if nobody does."""
    held = site.transport.read_link(site.lock)
    return None if held is None else _Owner.parse(held).describe(_Owner.this_process(site.transport))


def whoami() -> str:
    """Return USER@HOST of this process, for other people to read."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def _board_time(transport: "Transport") -> tuple[str, str]:
    """Return what identifies the board's run since its start, and seconds since then.

    The clock of a board without battery jumps; this does not.
    """
    words = transport.run(["cat", _BOOT_ID, "/proc/uptime"]).text.split()
    return (words[0], words[1].split(".")[0]) if len(words) == 3 else ("", "")


def _machine() -> str:
    """Return what distinguishes this machine (a container is one) since its start; empty where nothing does."""
    with suppress(OSError):
        return f"{Path(_BOOT_ID).read_text(encoding='ascii').strip()}/{Path('/proc/self/ns/pid').readlink()}"
    return ""


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (ValueError, OverflowError, OSError):
        return True
    return True
