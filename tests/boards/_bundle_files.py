"""Bundles to take apart, change and put together again."""

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

from edgequant._bundle import BundleSummary, write_bundle
from edgequant._targets import Runner, find_target

from ._tiny_programs import nothing, shell

Members = dict[str, tuple[tarfile.TarInfo, bytes]]


def stand_in(folder: Path, script: str = "echo a stand-in", target: str = "x86-64") -> Runner:
    """Return a runner that runs a script; it does nothing if it is not for x86-64."""
    folder.mkdir(parents=True, exist_ok=True)
    path, family = folder / "edgequant-run", find_target(target).family.name
    path.write_bytes(shell(script) if family == "x86_64" else nothing(family))
    path.chmod(0o755)
    return Runner(path, path, family, "0.1.0", ())


def make(model: Path, output: Path, *, target: str = "x86-64", **options: Any) -> BundleSummary:
    """Bundle a model, with a stand-in for the runner unless one is given."""
    options.setdefault("runner", stand_in(output.parent / "runner", target=target))
    return write_bundle(model, find_target(target), output, **options)


def members(bundle: Path) -> Members:
    """Return the archive's files by their path in the top folder, in their order."""
    with tarfile.open(bundle) as archive:
        return {
            member.name.partition("/")[2]: (member, archive.extractfile(member).read())
            for member in archive.getmembers()
        }


def repacked(found: Members, bundle: Path) -> Path:
    """Write files as an archive; their entries keep what they say but for the size."""
    with gzip.open(bundle, "wb") as stream, tarfile.open(fileobj=stream, mode="w") as archive:
        for member, content in found.values():
            if member.isreg():
                member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return bundle


def with_file(found: Members, bundle: Path, path: str, content: bytes) -> Path:
    """Write files with another content of one, and with a manifest and SHA256SUMS made to fit."""
    document = json.loads(found["manifest.json"][1])
    digest = hashlib.sha256(content).hexdigest()
    (entry,) = (entry for entry in document["files"] if entry["path"] == path)
    sums = found["SHA256SUMS"][1].replace(f"{entry['sha256']}  {path}".encode(), f"{digest}  {path}".encode())
    entry |= {"sha256": digest, "bytes": len(content)}
    changed = {path: (found[path][0], content), "SHA256SUMS": (found["SHA256SUMS"][0], sums)}
    return resealed(found | changed, bundle, (json.dumps(document, indent=2, sort_keys=True) + "\n").encode())


def resealed(found: Members, bundle: Path, manifest: bytes) -> Path:
    """Write files with another manifest and with SHA256SUMS made to fit, as somebody with bad intentions would."""
    found = dict(found)
    found["manifest.json"] = (found["manifest.json"][0], manifest)
    lines = found["SHA256SUMS"][1].splitlines(keepends=True)
    sums = b"".join([f"{hashlib.sha256(manifest).hexdigest()}  manifest.json\n".encode(), *lines[1:]])
    found["SHA256SUMS"] = (found["SHA256SUMS"][0], sums)
    return repacked(found, bundle)
