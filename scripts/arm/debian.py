"""Debian's packages of another architecture, in a folder: apt with a state of its own, the machine's stays as it is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

PYTHON = "python3.11"
LIBRARIES = (
    "libc6", "libgcc-s1", "libstdc++6", "zlib1g", "libexpat1", "libssl3", "libffi8", "libbz2-1.0", "liblzma5",
    "libsqlite3-0", "libncursesw6", "libtinfo6", "libreadline8", "libuuid1", "libcrypt1",
)  # fmt: skip
PYTHON_PACKAGES = (PYTHON, f"{PYTHON}-minimal", f"lib{PYTHON}-minimal", f"lib{PYTHON}-stdlib", *LIBRARIES)


def unpack(folder: Path, architecture: str, packages: Sequence[str]) -> Path:
    """Unpack the packages, without what they depend on, in folder/root; return that."""
    apt = _apt(folder, architecture)
    debs, root = folder / "debs", folder / "root"
    debs.mkdir(parents=True, exist_ok=True)
    run(*apt, "download", *packages, cwd=debs)
    for deb in debs.glob("*.deb"):
        run("dpkg", "-x", deb, root)
    return root


def source(folder: Path, package: str) -> Path:
    """Unpack the authors' source of a package, without Debian's changes; return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    format_ = "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(REPO_URI) $(RELEASE) $(COMPONENT)"
    listed = run("apt-get", "indextargets", "--format", format_, "Created-By: Packages").splitlines()
    sources = sorted({line for line in listed if line.endswith("/debian/ bookworm main")})
    (folder / "sources.list").write_text("\n".join(sources) + "\n")
    extra = ["-o", f"Dir::Etc::sourcelist={folder / 'sources.list'}", "-o", "Dir::Etc::sourceparts=/dev/null"]
    run(*_apt(folder, "armhf", extra), "source", "--download-only", package, cwd=folder)
    (archive,) = folder.glob(f"{package}_*.orig.tar.*[z2]")
    run("tar", "-xf", archive, cwd=folder)
    return next(path for path in folder.glob(f"{package}-*") if path.is_dir())


def _apt(folder: Path, architecture: str, extra: Sequence[str] = ()) -> list[str]:
    """Return how to call apt for an architecture; its lists are fetched."""
    state = folder.resolve() / "apt"
    for part in (state / "lists/partial", state / "cache/archives/partial"):
        part.mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    settings = {
        "Dir::State": state,
        "Dir::State::status": state / "status",
        "Dir::Cache": state / "cache",
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Sandbox::User": "root",
    }
    apt = ["apt-get", "-qq", *(word for key, value in settings.items() for word in ("-o", f"{key}={value}")), *extra]
    # Fails too when one of the lists cannot be fetched; what is missing then is named when it is downloaded.
    subprocess.run([*apt, "update"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return apt


def require(programs: Mapping[str, str]) -> None:
    """Exit with a sentence if programs are missing; the values are the Debian packages that bring them."""
    missing = [f"{package} (for {program})" for program, package in programs.items() if not shutil.which(program)]
    if missing:
        sys.exit(f"Debian packages are missing: apt-get install {', '.join(missing)}")


class CommandError(SystemExit):
    """A command that failed; whoever does not catch it ends with what the command wrote."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def run(*command: object, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run a command and return what it wrote on stdout and stderr; raises CommandError if it fails."""
    words = [os.fspath(word) if isinstance(word, Path) else str(word) for word in command]
    result = subprocess.run(words, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode:
        raise CommandError(result.returncode, f"{' '.join(words)}\n{result.stdout}")
    return result.stdout
