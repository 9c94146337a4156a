"""A bundle, opened."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgequant._progress import Progress, silent

from ._archive import Admit, read_archive
from ._errors import BundleError
from ._manifest import Manifest


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that was unpacked and verified: `digest` is the SHA-256 of its manifest.json, which identifies it."""

    folder: Path
    manifest: Manifest
    digest: str


def summary_of(manifest: Manifest) -> dict[str, Any]:
    """Return the part of a manifest that tells people what is in the bundle."""
    return {
        "target": manifest.target,
        "model": manifest.model.path,
        "format": manifest.model.format,
        "engine": manifest.model.engine,
        "memory_bytes": manifest.model.memory_bytes,
        "goldens": len(manifest.goldens),
        "wheels": [wheel.filename for wheel in manifest.wheels],
        "files": {entry.path: entry.bytes for entry in manifest.files},
    }


@contextmanager
def open_bundle(
    path: str | os.PathLike[str], *, admit: Admit | None = None, progress: Progress = silent
) -> Iterator[Bundle]:
    """Unpack and verify a bundle; the folder is there until the block is left.

    The file may come from anywhere: nothing in it is trusted. `admit` is called with its digest before anything is
    unpacked, and raises to refuse it. Raises BundleError, which says what is damaged.
    """
    from ._golden_files import check_goldens
    from ._runner_check import check_runner

    with tempfile.TemporaryDirectory(prefix="edgequant-bundle-") as temporary:
        try:
            unpacked = read_archive(Path(path), Path(temporary), progress, admit)
            check_goldens(unpacked.folder, unpacked.manifest)
            if runner := unpacked.manifest.runner:
                check_runner(unpacked.folder / runner.path, runner.family)
        except OSError as error:
            place = f" in {tempfile.gettempdir()}" if error.errno == errno.ENOSPC else ""
            raise BundleError(f"{Path(path).name} cannot be unpacked{place}: {error.strerror or error}.") from error
        yield Bundle(unpacked.folder, unpacked.manifest, unpacked.digest)
