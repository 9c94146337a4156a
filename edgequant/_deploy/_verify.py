"""Whether a release is whole: the digests of its files, computed on the board."""

import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from edgequant._bundle._manifest import MANIFEST, SUMS

if TYPE_CHECKING:
    from edgequant._bundle import Manifest
    from edgequant._transports import Transport

_SECONDS = 600
_NO_PROGRAM = (126, 127)


def digests_of(manifest: "Manifest", digest: str) -> dict[str, str]:
    """Return the SHA-256 of every file of a release by its path; `digest` is that of manifest.json."""
    digests = {MANIFEST: digest, **{entry.path: entry.sha256 for entry in manifest.files}}
    return {**digests, SUMS: hashlib.sha256(_lines(digests)).hexdigest()}


def damaged_files(transport: "Transport", folder: PurePosixPath, digests: Mapping[str, str]) -> list[str]:
    """Return the files, of those in `digests` (path in `folder`: SHA-256), that are missing there or have other bytes.

    The digests go there from here: the board's own SHA256SUMS may be damaged too. A board without `sha256sum` sends
    the files back.
    """
    # A shell, because a program cannot be started in a folder otherwise; nothing of the user's is in its text.
    command: list[str | PurePosixPath] = ["sh", "-c", 'cd "$1" && LC_ALL=C sha256sum -c', "sh", folder]
    done = transport.run(command, stdin=_lines(digests), timeout=_SECONDS)
    if done.status in _NO_PROGRAM:
        return [path for path, digest in digests.items() if _digest_of_copy(transport, folder / path) != digest]
    whole = {line.removesuffix(": OK") for line in done.text.splitlines() if line.endswith(": OK")}
    return [path for path in digests if path not in whole]


def _lines(digests: Mapping[str, str]) -> bytes:
    """Return what `sha256sum -c` reads."""
    return "".join(f"{digest}  {path}\n" for path, digest in digests.items()).encode()


def _digest_of_copy(transport: "Transport", file: PurePosixPath) -> str | None:
    if not transport.exists(file):
        return None
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        transport.get(file, copy)
        with copy.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
