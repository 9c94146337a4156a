"""A release on a board, as a bundle: no archive of it is needed here."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from edgequant._bundle import Bundle
from edgequant._bundle._manifest import MANIFEST
from edgequant._bundle._manifest_json import read_manifest
from edgequant._progress import Progress, silent
from edgequant._smoke import smoke

from ._errors import DeployError
from ._site import Site, explaining
from ._verify import damaged_files, digests_of

if TYPE_CHECKING:
    from edgequant._smoke import SmokeResult
    from edgequant._transports import Transport


def smoke_current(
    transport: "Transport",
    path: PurePosixPath,
    *,
    threads: int | None = None,
    python: str = "python3",
    timeout: float = 60,
    progress: Progress = silent,
) -> "SmokeResult":
    """Run the goldens of what is current in the folder `path` (absolute) of a computer, where it is.

    Its digests are checked there first. Raises DeployError where nothing is current or its files are damaged.
    """
    site = Site(transport, path)
    with explaining(site):
        name = site.read_current()
        if name is None:
            raise DeployError(f"Nothing is deployed to {path} on {transport.title}.")
        with release_there(site, name, progress) as bundle:
            folder = site.release(name)
            test = partial(smoke, bundle, transport, folder=folder, name=name, progress=progress)
            return test(threads=threads, python=python, timeout=timeout)


@contextmanager
def release_there(site: Site, name: str, progress: Progress) -> Iterator[Bundle]:
    """Yield a release as a bundle, its digests checked on the board; here are only its manifest and golden outputs.

    The release's name is the beginning of the manifest's digest, so the manifest can be told from a damaged one.
    """
    folder = site.release(name)
    with tempfile.TemporaryDirectory() as copies:
        here = Path(copies)
        content = _fetch(site, folder, MANIFEST, here)
        digest = hashlib.sha256(content).hexdigest()
        if name[:16] != digest[:16]:
            raise _damaged(site, name, MANIFEST)
        manifest = read_manifest(content)
        progress(f"checking the digests of {name}", 0, None)
        if wrong := damaged_files(site.transport, folder, digests_of(manifest, digest)):
            raise _damaged(site, name, ", ".join(wrong))
        for path in (tensor.path for golden in manifest.goldens for tensor in golden.outputs):
            _fetch(site, folder, path, here)
        yield Bundle(here, manifest, digest)


def _fetch(site: Site, folder: PurePosixPath, path: str, here: Path) -> bytes:
    copy = here / path
    copy.parent.mkdir(parents=True, exist_ok=True)
    site.transport.get(folder / path, copy)
    return copy.read_bytes()


def _damaged(site: Site, name: str, files: str) -> DeployError:
    return DeployError(f"{site.release(name)} on {site.transport.title} is damaged ({files}): deploy its bundle again.")
