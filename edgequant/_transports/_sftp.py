"""sftp's batch language."""

import re
from pathlib import PurePath, PurePosixPath

from ._base import TransportError

_SPECIAL = re.compile(r"([^A-Za-z0-9_./\u0080-\U0010ffff-])")


def quoted(path: PurePath | str) -> str:
    r"""Return a name as sftp reads it back: `\` before each character that may mean something, also to its glob.

    Raises TransportError for a line break, which no command can hold.
    """
    text = str(path)
    if "\n" in text or "\r" in text:
        raise TransportError(f"{text!r} has a line break in it, which sftp cannot copy: rename it.")
    return _SPECIAL.sub(r"\\\1", text)


def upload(local: PurePath, remote: PurePosixPath, mode: int) -> list[str]:
    """Return the commands that copy a file there and give it its permission bits."""
    return [f"put {quoted(local)} {quoted(remote)}", f"chmod {mode:o} {quoted(remote)}"]


def link(points_to: str, remote: PurePosixPath) -> str:
    """Return the command that makes a symbolic link."""
    return f"symlink -- {quoted(points_to)} {quoted(remote)}"


def batch(commands: list[str]) -> bytes:
    """Return what sftp reads; it stops at the first command that fails."""
    return "".join(f"{command}\n" for command in commands).encode("utf-8", "surrogateescape")
