"""Bundles to deploy, and what must hold of a folder that they were deployed to."""

import subprocess
import tarfile
from dataclasses import dataclass, replace
from pathlib import Path

from edgequant._bundle import Bundle, write_bundle
from edgequant._targets import Runner, find_target

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
    program = folder / "edgequant-run"
    program.write_text(
        f"#!/bin/sh\n[ \"$1\" = --probe ] && echo '{_PROBE}' && exit\nexec '{runner.program}' \"$@\"\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    return replace(runner, program=program)


def current_release(folder: Path) -> str | None:
    """Return the name of what `current` points to, after it was held to its digests and its smoke test.

    Both are the release's own: nothing of the deployment's code takes part.
    """
    link = folder / "current"
    if not link.is_symlink():
        assert not link.exists()
        return None
    parent, name = str(link.readlink()).split("/")
    assert parent == "releases"
    finished = subprocess.run(["sh", link / "smoke.sh"], capture_output=True, text=True)
    assert finished.returncode == 0, f"{name}: {finished.stdout}{finished.stderr}"
    sums = subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=link, capture_output=True, text=True)
    assert sums.returncode == 0, sums.stdout
    return name


def tree(folder: Path) -> set[str]:
    """Return what is in a folder that was deployed to, and in its `releases`."""
    return {path.name for path in folder.iterdir()} | {
        f"releases/{path.name}" for path in (folder / "releases").iterdir()
    }


def expected_tree(*releases: str) -> set[str]:
    """Return what `tree` gives where these releases are, and nothing is left over."""
    return {"current", "history", "releases", *(f"releases/{name}" for name in releases)}
