"""A bundle's folder as one .tar.gz: written in one way only, and read as something that anybody may have written."""

import gzip
import hashlib
import re
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from edgequant._progress import Progress

from ._errors import BundleError, DamagedBundleError
from ._manifest import MANIFEST, SUMS, FileEntry, Manifest
from ._manifest_json import MAX_TEXT_BYTES, read_manifest

BLOCK = tarfile.BLOCKSIZE
CHUNK = 2**20
FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")


# ---- writing ----


def file_entry(folder: Path, path: str) -> FileEntry:
    """Return the manifest's entry for a file."""
    file = folder / path
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return FileEntry(path, digest, file.stat().st_size, 0o755 if file.stat().st_mode & 0o100 else 0o644)


def sums_text(manifest_digest: str, files: Iterable[FileEntry]) -> str:
    """Return SHA256SUMS as `sha256sum -c` reads it, the manifest first."""
    lines = [(manifest_digest, MANIFEST), *((entry.sha256, entry.path) for entry in files)]
    return "".join(f"{digest}  {path}\n" for digest, path in lines)


def write_archive(folder: Path, top: str, files: Iterable[FileEntry], target: Path) -> None:
    """Pack the files of a folder, the manifest first; with the same zlib the same files give the same bytes."""
    with (
        target.open("wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=9, fileobj=raw, mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        texts = [file_entry(folder, name) for name in (MANIFEST, SUMS)]
        for entry in (*texts, *files):
            member = tarfile.TarInfo(f"{top}/{entry.path}")
            member.size, member.mode = (
                entry.bytes,
                entry.mode,
            )  # mtime, owner and group are 0 and nameless by themselves
            with (folder / entry.path).open("rb") as content:
                archive.addfile(member, content)


# ---- reading ----


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What was read: the folder with the files, the manifest, and the SHA-256 of manifest.json."""

    folder: Path
    manifest: Manifest
    digest: str


Admit = Callable[[str], None]
"""Called with a bundle's digest when nothing else of it is known yet; raises to refuse it."""


def read_archive(path: Path, into: Path, progress: Progress, admit: Admit | None = None) -> Unpacked:
    """Unpack and verify a bundle to a folder in `into`; raises BundleError, and what `admit` raises.

    Nothing is written but the files that the manifest lists, each of the size that it says, and nothing is trusted
    before its digest is checked.
    """
    with _opened(path) as members:
        unpacked = _unpack(members, _head(members, admit), into, progress)
        members.end()
    return unpacked


def read_head(path: Path, admit: Admit | None = None) -> tuple[Manifest, str]:
    """Return a bundle's manifest and digest, and look at nothing behind them; raises as `read_archive` does."""
    with _opened(path) as members:
        head = _head(members, admit)
    return head.manifest, head.digest


@contextmanager
def _opened(path: Path) -> Iterator["_Members"]:
    try:
        with path.open("rb") as raw:
            if raw.read(2) != b"\x1f\x8b":
                raise DamagedBundleError(
                    f"{path.name} is no bundle: it is not a .tar.gz file, or its first bytes are damaged."
                )
            raw.seek(0)
            with gzip.GzipFile(fileobj=raw) as stream:
                yield _Members(stream, path.name)
    except FileNotFoundError as error:
        raise BundleError(f"There is no file {path}.") from error
    except IsADirectoryError as error:
        raise BundleError(f"{path} is a folder: give the .tar.gz file of a bundle.") from error


@dataclass(frozen=True, slots=True)
class _Head:
    """The first two files: the manifest and SHA256SUMS, which agree, and the folder that all files are in."""

    top: str
    content: bytes
    sums: bytes
    manifest: Manifest
    digest: str


def _head(members: "_Members", admit: Admit | None) -> _Head:
    top, content = members.text(MANIFEST, None)
    _, sums = members.text(SUMS, top)
    digest = hashlib.sha256(content).hexdigest()
    if sums.split(b" ", 1)[0] != digest.encode():
        raise DamagedBundleError(
            f"{MANIFEST}, the manifest, is damaged, or its line in {SUMS} is: they disagree. {AGAIN}"
        )
    if admit is not None:
        admit(digest)
    manifest = read_manifest(content)
    if sums != sums_text(digest, manifest.files).encode():
        raise DamagedBundleError(f"{SUMS} is damaged: it does not have the digests of the manifest. {AGAIN}")
    return _Head(top, content, sums, manifest, digest)


def _unpack(members: "_Members", head: _Head, into: Path, progress: Progress) -> Unpacked:
    folder, manifest = into / head.top, head.manifest
    folder.mkdir()
    (folder / MANIFEST).write_bytes(head.content)
    (folder / SUMS).write_bytes(head.sums)
    for number, entry in enumerate(manifest.files):
        progress("unpacking", number, len(manifest.files))
        members.file(entry, folder, manifest)
    return Unpacked(folder, manifest, head.digest)


AGAIN = "Get the bundle again, or make it again."


class _Members:
    """The archive's files, in their order; other kinds of entries, and tar's extensions, have no place in a bundle."""

    def __init__(self, stream: gzip.GzipFile, name: str) -> None:
        self._stream, self._name = stream, name
        self._top = ""

    def text(self, path: str, top: str | None) -> tuple[str, bytes]:
        """Return the top folder and the content of the next file, which must be `path`."""
        member = self._next(path)
        if member.size > MAX_TEXT_BYTES:
            self._fail(f"its {path} has more than {MAX_TEXT_BYTES // 2**20} MiB")
        if top is None:
            self._top = self._top_folder(member.name)
        self._check_name(member.name, path)
        return self._top, b"".join(self._content(member.size))

    def file(self, entry: FileEntry, folder: Path, manifest: Manifest) -> None:
        """Write the next file, which must be that of the entry, to the folder."""
        member = self._next(entry.path)
        self._check_name(member.name, entry.path)
        role = _role(entry.path, manifest)
        if member.size != entry.bytes:
            self._damaged(entry.path, role, f"it has {member.size:,} bytes and not {entry.bytes:,}")
        target = folder / entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with target.open("wb") as file:
            for chunk in self._content(member.size):
                digest.update(chunk)
                file.write(chunk)
        if digest.hexdigest() != entry.sha256:
            self._damaged(entry.path, role, "its SHA-256 is not the one in the manifest")
        target.chmod(entry.mode)

    def end(self) -> None:
        """Check that nothing comes behind the last file, and the stream's own checksum."""
        if self._block().strip(b"\0"):
            self._fail("it has more files than the manifest lists")
        rest = self._read(BLOCK + tarfile.RECORDSIZE)  # reads to the end if nothing follows
        if len(rest) >= BLOCK + tarfile.RECORDSIZE or rest.strip(b"\0"):
            self._fail("something follows its last file")

    def _next(self, wanted: str) -> tarfile.TarInfo:
        block = self._block()
        if not block.strip(b"\0"):
            self._fail(f"{wanted} is missing")
        try:
            member = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError:
            self._fail(f"the entry of {wanted} is damaged")
        if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.size < 0:
            self._fail(f"it has {member.name!r}, which is no plain file")
        return member

    def _top_folder(self, name: str) -> str:
        top, slash, _ = name.partition("/")
        if not slash or not FOLDER_NAME.fullmatch(top):
            self._fail(f"it has the file {name!r}, which is in no folder of a bundle")
        return top

    def _check_name(self, name: str, path: str) -> None:
        if name != f"{self._top}/{path}":
            self._fail(f"{path} is missing: {name!r} is in its place")

    def _content(self, size: int) -> Iterator[bytes]:
        left = size
        while left:
            chunk = self._read(min(left, CHUNK))
            if not chunk:
                self._cut_off()
            left -= len(chunk)
            yield chunk
        self._read(-size % BLOCK)

    def _block(self) -> bytes:
        block = self._read(BLOCK)
        if len(block) != BLOCK:
            self._cut_off()
        return block

    def _read(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except EOFError:
            self._cut_off()
        except (zlib.error, gzip.BadGzipFile):
            self._fail("its compressed data is damaged")

    def _cut_off(self) -> NoReturn:
        raise DamagedBundleError(f"{self._name} is cut off: it ends before its last file does. {AGAIN}") from None

    def _fail(self, what: str) -> NoReturn:
        raise DamagedBundleError(f"{self._name} is damaged, or no bundle: {what}. {AGAIN}") from None

    def _damaged(self, path: str, role: str, what: str) -> NoReturn:
        raise DamagedBundleError(f"{path}{role} is damaged: {what}. {AGAIN}")


def _role(path: str, manifest: Manifest) -> str:
    """Return what a file is, for a sentence."""
    if path == manifest.model.path:
        return ", the model,"
    if manifest.runner and path == manifest.runner.path:
        return ", the program that runs the model,"
    for golden in manifest.goldens:
        if any(path == tensor.path for tensor in (*golden.inputs, *golden.outputs)):
            return f", of a golden ({golden.kind}),"
    return ""
