"""A manifest as JSON: written in one form only, and read as something that anybody may have written."""

import json
import math
import re
from collections.abc import Iterable
from dataclasses import asdict, fields, is_dataclass
from pathlib import PurePosixPath
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from ._errors import BundleError, DamagedBundleError
from ._manifest import MANIFEST, SCHEMA, SUMS, FileEntry, Golden, Manifest, TensorFile

MAX_FILES = 10_000
MAX_BYTES = 4 * 2**30
"""Of all files together, unpacked."""

DTYPES = frozenset(
    {"bool", "float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"}
)
MODES = (0o644, 0o755)

_NAME = r"(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]{1,80}"
FILE_NAME = re.compile(_NAME)
_PATH = re.compile(rf"{_NAME}(?:/{_NAME}){{0,3}}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def manifest_bytes(manifest: Manifest) -> bytes:
    """Return the one way to write a manifest: sorted keys, indented by 2, ASCII, a newline at the end."""
    document = {"schema": SCHEMA, **asdict(manifest)}
    return (json.dumps(document, indent=2, sort_keys=True, allow_nan=False) + "\n").encode("ascii")


def read_manifest(content: bytes) -> Manifest:
    """Return the manifest in `content`; raises BundleError with one sentence on what is wrong with it."""
    document = _parse(content)
    schema = document.pop("schema", None)
    if type(schema) is not int:
        raise _wrong("has no schema version: this is no manifest of edgequant")
    if schema > SCHEMA:
        raise BundleError(f"{MANIFEST} has schema {schema}, made by a newer edgequant: update edgequant.")
    if schema != SCHEMA:
        raise _wrong(f"has schema {schema}, which there is not")
    manifest: Manifest = _read(document, Manifest, "")
    _check_files(manifest.files)
    _check_references(manifest)
    _check_form(manifest, content)
    return manifest


def _check_form(manifest: Manifest, content: bytes) -> None:
    try:
        is_ours = manifest_bytes(manifest) == content
    except RecursionError:  # a conversion report of a thousand lists in each other
        is_ours = False
    if not is_ours:
        raise _wrong("is not written the way edgequant writes it: somebody has edited it")


def _wrong(what: str) -> DamagedBundleError:
    return DamagedBundleError(f"{MANIFEST} {what}.")


def _parse(content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content.decode("ascii"), parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise _wrong("is no JSON") from error
    if not isinstance(document, dict):
        raise _wrong("is no JSON object")
    return document


def _no_constant(text: str) -> float:
    raise ValueError(text)


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(text)
    return number


# ---- from JSON to the manifest's types ----


def _read(value: Any, kind: Any, where: str) -> Any:
    """Return a JSON value as a type of the manifest, `where` being its place in it."""
    if isinstance(kind, UnionType):  # something or None
        if value is None:
            return None
        (kind,) = (choice for choice in get_args(kind) if choice is not NoneType)
    if is_dataclass(kind):
        return _read_object(value, kind, where)
    origin = get_origin(kind)
    if origin is tuple:
        items = _checked(value, list, where)
        return tuple(_read(item, get_args(kind)[0], f"{where}[{i}]") for i, item in enumerate(items))
    return _checked(value, origin or kind, where)


def _read_object(value: Any, kind: Any, where: str) -> Any:
    given, hints = _checked(value, dict, where), get_type_hints(kind)
    prefix = f"{where}." if where else ""
    for field in fields(kind):
        if field.name not in given:
            raise _wrong(f"has no {prefix}{field.name}")
    if unknown := sorted(set(given) - set(hints)):
        raise _wrong(f"has the key {prefix}{unknown[0]}, which there is not")
    return kind(**{name: _read(given[name], hint, prefix + name) for name, hint in hints.items()})


_IN_WORDS = {str: "text", int: "a whole number", float: "a number", list: "a list", dict: "an object"}


def _checked(value: Any, kind: type, where: str) -> Any:
    if type(value) is not kind:
        raise _wrong(f"has {where or 'something'} that is not {_IN_WORDS[kind]}")
    return value


# ---- what the types do not say ----


def _check_files(files: Iterable[FileEntry]) -> None:
    paths = [entry.path for entry in files]
    for entry in files:
        if not _PATH.fullmatch(entry.path) or entry.path in (MANIFEST, SUMS):
            raise _wrong(f"has a file named {entry.path!r}, which a bundle may not have")
        if not _DIGEST.fullmatch(entry.sha256):
            raise _wrong(f"has no SHA-256 for {entry.path}")
        if entry.bytes < 0 or entry.mode not in MODES:
            raise _wrong(f"has a size or permission of {entry.path} that cannot be")
    if paths != sorted(set(paths)):
        raise _wrong("has files twice or not in their order")
    if folders := {str(parent) for path in paths for parent in PurePosixPath(path).parents} & set(paths):
        raise _wrong(f"has {min(folders)} as a file and as a folder")
    if len(paths) > MAX_FILES or sum(entry.bytes for entry in files) > MAX_BYTES:
        limits = f"{MAX_FILES:,} files or {MAX_BYTES // 2**30} GiB"
        raise BundleError(f"The bundle has more than {limits}, which edgequant does not open.")


def _check_references(manifest: Manifest) -> None:
    present = {entry.path for entry in manifest.files}
    if (manifest.runner is None) == (not manifest.wheels):
        raise _wrong("must have either a runner or wheels")
    needed = [manifest.model.path, *([manifest.runner.path] if manifest.runner else ["wheels.txt", "smoke.py"])]
    for path in [*needed, *(tensor.path for tensor in _tensors(manifest.goldens))]:
        if path not in present:
            raise _wrong(f"names {path!r}, but does not list it")
    if manifest.model.memory_bytes < 0 or any(output.tolerance < 0 for output in manifest.outputs):
        raise _wrong("has a negative memory or tolerance")
    _check_goldens(manifest)


def _check_goldens(manifest: Manifest) -> None:
    names = [output.name for output in manifest.outputs]
    if not manifest.goldens or not names:
        raise _wrong("has no goldens or no outputs, so nothing could be proved with it")
    for number, golden in enumerate(manifest.goldens):
        if [tensor.name for tensor in golden.outputs] != names:
            raise _wrong(f"has other outputs in goldens[{number}] than the model")
        if [tensor.name for tensor in golden.inputs] != [tensor.name for tensor in manifest.goldens[0].inputs]:
            raise _wrong(f"has other inputs in goldens[{number}] than in the first")
    for tensor in _tensors(manifest.goldens):
        if tensor.dtype not in DTYPES or min(tensor.shape, default=0) < 0 or not _DIGEST.fullmatch(tensor.data_sha256):
            raise _wrong(f"has a type, shape or digest of {tensor.path!r} that cannot be")


def _tensors(goldens: Iterable[Golden]) -> list[TensorFile]:
    return [tensor for golden in goldens for tensor in (*golden.inputs, *golden.outputs)]
