"""Bundles to deploy, and what must hold of a folder that they were deployed to."""

import hashlib
import os
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from edgequant._bundle import Bundle, write_bundle
from edgequant._targets import Runner, find_target
from edgequant._transports import Finished, LocalTransport

from ._bundle_files import stand_in

# What `--probe` prints, without the 0.3 s that it measures for.
_PROBE = '{"memory_available_bytes": 1000000000, "cpu": {"features": []}}'


@dataclass(frozen=True)
class TestBundle:
    """A bundle as a file and unpacked; `id` is what its release is called."""

    __test__ = False

    archive: Path
    opened: Bundle

    @property
    def id(self) -> str:
        return self.opened.digest[:16]


def make_bundle(model: Path, runner: Runner, folder: Path, seed: int) -> TestBundle:
    """Write a bundle for this machine and unpack it; another seed gives other goldens, hence another digest."""
    folder.mkdir()
    archive = folder / f"seed {seed}.tar.gz"
    summary = write_bundle(model, find_target("x86-64"), archive, runner=runner, goldens=1, seed=seed)
    with tarfile.open(archive) as packed:
        packed.extractall(folder / "unpacked", filter="data")
    (top,) = (folder / "unpacked").iterdir()
    return TestBundle(archive, Bundle(top, summary.manifest, summary.digest))


def without_probing(runner: Runner, folder: Path) -> Runner:
    """Return a runner that is the same program, and answers --probe at once: fault tests ask often."""
    script = f"[ \"$1\" = --probe ] && echo '{_PROBE}' && exit\nexec '{runner.program}' \"$@\""
    return replace(runner, program=stand_in(folder, script).program)


class RememberingBoard(LocalTransport):
    """This machine, for tests that deploy often: it starts a program on files of the same bytes only once.

    Every file is read every time; a release that differs in one bit is a new one. It does not wait for the disk.
    """

    def __init__(self) -> None:
        super().__init__()
        self._answers: dict[tuple[str, bytes, str], Finished] = {}

    def run(self, command: Sequence[str | PurePosixPath], *, stdin: bytes = b"", timeout: float = 60) -> Finished:
        if command[0] == "sync":
            return Finished(0)
        words = "\0".join(map(str, command))
        if command[0] == "sh":  # sha256sum -c in a release
            release = Path(command[-1])
        elif Path(command[0]).name == "edgequant-run":
            release = Path(command[0]).parent
        elif command[0] == "cat":
            release = Path("/nothing")
        else:
            return super().run(command, stdin=stdin, timeout=timeout)
        key = (words.replace(str(release), ""), stdin, fingerprint(release))
        if key not in self._answers:
            self._answers[key] = super().run(command, stdin=stdin, timeout=timeout)
        return self._answers[key]


def fingerprint(folder: Path) -> str:
    """Return a digest of all that is in a folder: names, permissions and bytes."""
    digest = hashlib.sha256()
    for place, folders, files in os.walk(folder):
        folders.sort()
        digest.update(f"{place.removeprefix(str(folder))}\0{len(files)}\0".encode())
        for name in sorted(files):
            with open(f"{place}/{name}", "rb") as file:  # noqa: PTH123 (a Path for each takes a third of the tests' time)
                content, mode = file.read(), os.fstat(file.fileno()).st_mode
            digest.update(f"{name}\0{mode}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


_passed: set[str] = set()


def current_release(folder: Path) -> str | None:
    """Return the name of what `current` points to, after it was held to its digests and its smoke test.

    Both are the release's own: nothing of the deployment's code takes part. They run once for the same bytes.
    """
    link = folder / "current"
    if not link.is_symlink():
        assert not link.exists()
        return None
    parent, name = str(link.readlink()).split("/")
    assert parent == "releases"
    found = fingerprint(link.resolve(strict=True))
    if found in _passed:
        return name
    finished = subprocess.run(["sh", link / "smoke.sh"], capture_output=True, text=True)
    assert finished.returncode == 0, f"{name}: {finished.stdout}{finished.stderr}"
    sums = subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=link, capture_output=True, text=True)
    assert sums.returncode == 0, sums.stdout
    _passed.add(found)
    return name


def tree(folder: Path) -> set[str]:
    """Return what is in a folder that was deployed to, and in its `releases`."""
    return {path.name for path in folder.iterdir()} | {
        f"releases/{path.name}" for path in (folder / "releases").iterdir()
    }


def expected_tree(*releases: str) -> set[str]:
    """Return what `tree` gives where these releases are, and nothing is left over."""
    return {"current", "history", "releases", *(f"releases/{name}" for name in releases)}
