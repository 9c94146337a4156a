"""The files that a .tflite carries behind the model, in a zip archive: labels and vocabularies of its metadata."""

import os
import zipfile
from pathlib import Path

from edgequant_runtime.archives import ARCHIVE_DAMAGE

from edgequant_converters._errors import SourceError

MOST_BYTES = 64 << 20
_TIME = (1980, 1, 1, 0, 0, 0)


def carry_attached_files(source: object, output: Path) -> None:
    """Attach to a written .tflite what its source carries; does nothing if that is no .tflite, or carries nothing.

    Raises SourceError for a damaged archive, and for one of more than 64 MiB.
    """
    if not isinstance(source, (str, os.PathLike)) or not _is_tflite(Path(source)) or not zipfile.is_zipfile(source):
        return
    name = Path(source).name
    try:
        parts = _read(Path(source))
    except ARCHIVE_DAMAGE as error:
        raise SourceError(f"{name} carries files, such as labels, in a damaged archive: attach them anew.") from error
    if parts is None:
        raise SourceError(f"{name} carries files of more than {MOST_BYTES >> 20} MiB: keep them beside the model.")
    with zipfile.ZipFile(output, "a", zipfile.ZIP_DEFLATED) as archive:
        for path, content in parts:
            archive.writestr(zipfile.ZipInfo(path, _TIME), content, zipfile.ZIP_DEFLATED)


def attached_files(path: Path) -> tuple[str, ...]:
    """Return the names of the files that a .tflite carries, such as labels; none without a whole archive."""
    if not _is_tflite(path) or not zipfile.is_zipfile(path):
        return ()
    try:
        with zipfile.ZipFile(path) as archive:
            return tuple(archive.namelist())
    except ARCHIVE_DAMAGE:
        return ()


def _is_tflite(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(8)[4:] == b"TFL3"
    except OSError:
        return False


def _read(path: Path) -> list[tuple[str, bytes]] | None:
    parts, left = [], MOST_BYTES
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            with archive.open(info) as file:
                content = file.read(left + 1)
            left -= len(content)
            if left < 0:
                return None
            parts.append((info.filename, content))
    return parts
