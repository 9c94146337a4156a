"""What a model was made from, for the manifest: the digest of its source, and the report of its conversion."""

import hashlib
import json
from pathlib import Path
from typing import Any

from ._errors import BundleError


def digest_of(source: Path) -> str:
    """Return the SHA-256 of a file; of a folder, that of a list of its files as sha256sum prints it, sorted by path."""
    if source.is_file():
        with source.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    if not source.is_dir():
        raise BundleError(f"There is no file {source}: give what the model was converted from, or leave --source away.")
    found = sorted((file.relative_to(source).as_posix(), file) for file in source.rglob("*") if file.is_file())
    lines = [f"{digest_of(file)}  {path}\n" for path, file in found]
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def read_report(path: Path, model: Path) -> dict[str, Any]:
    """Return what `edgequant convert --json` printed of a model; raises BundleError if the file is something else."""
    wanted = "save what 'edgequant convert --json' prints"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        json.dumps(document, allow_nan=False, indent=2)
    except FileNotFoundError as error:
        raise BundleError(f"There is no file {path}: {wanted}.") from error
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{path} is no JSON: {wanted}.") from error
    if not isinstance(document, dict) or not {"source", "quantize", "bytes"} <= document.keys():
        raise BundleError(f"{path} is no report of a conversion: {wanted}.")
    if document["bytes"] != model.stat().st_size:
        raise BundleError(
            f"{path} is the report of another model than {model.name}, which has not the bytes told there."
        )
    return document
