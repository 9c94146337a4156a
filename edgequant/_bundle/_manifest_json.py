"""A manifest as JSON: written in one form of the newest schema, and read in any schema that edgequant ever wrote.

What is read may be from anybody. It is held to what a bundle can be, and not to the form that this version writes: keys
that a reader does not know are left out, so a later version may add what an older one need not know.
"""

import json
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, is_dataclass
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from ._errors import BundleError, DamagedBundleError
from ._manifest import (
    ANSWER,
    EXAMPLES,
    KINDS,
    MANIFEST,
    MAX_GOLDENS,
    MODELS,
    README,
    RUNNER,
    SCHEMA,
    SERVICE_SH,
    SMOKE_PY,
    SMOKE_SH,
    TASK,
    UNIT,
    WHEELS,
    Golden,
    Manifest,
    TensorFile,
    tensor_path,
)
from ._service import EVERY, input_options, problem_with
from ._tolerance import most_tolerated

MAX_TEXT_BYTES = 8 * 2**20
"""Of manifest.json and of SHA256SUMS each: both are held in memory."""
MAX_FILES = 10_000
MAX_BYTES = 4 * 2**30
"""Of all files together, unpacked."""

DTYPES = frozenset(
    {"bool", "float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"}
)
MAX_DIMENSIONS = 32
MAX_INTEGER = 2**63 - 1
EXECUTABLES = (RUNNER, SERVICE_SH, SMOKE_SH)

_DIGEST = re.compile(r"[0-9a-f]{64}")


def manifest_bytes(manifest: Manifest) -> bytes:
    """Return the one way to write a manifest: sorted keys, indented by 2, ASCII, a newline at the end."""
    document = {"schema": SCHEMA, **asdict(manifest)}
    return (json.dumps(document, indent=2, sort_keys=True, allow_nan=False) + "\n").encode("ascii")


def read_manifest(content: bytes) -> Manifest:
    """Return the manifest in `content`; raises BundleError with one sentence on what is wrong with it."""
    if len(content) > MAX_TEXT_BYTES:
        raise BundleError(f"{MANIFEST} has more than {MAX_TEXT_BYTES // 2**20} MiB, which edgequant does not open.")
    document = _parse(content)
    manifest = _reader(document.get("schema"))(document)
    _check_engine(manifest)
    _check_task(manifest)
    _check_service(manifest)
    _check_goldens(manifest)
    _check_tolerances(manifest)
    _check_files(manifest)
    return manifest


def _reader(schema: Any) -> Callable[[dict[str, Any]], Manifest]:
    """Return the reader of a schema."""
    if type(schema) is not int:
        raise _wrong("has no schema version: this is no manifest of edgequant")
    if schema > max(READERS):
        raise BundleError(f"{MANIFEST} has schema {schema}, written by a newer edgequant: update edgequant.")
    if schema not in READERS:
        raise _wrong(f"has schema {schema}, which there is not")
    return READERS[schema]


def _wrong(what: str) -> DamagedBundleError:
    return DamagedBundleError(f"{MANIFEST} {what}.")


def _parse(content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(
            content.decode("ascii"), parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_each_once
        )
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


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object: with a key twice, two readers could see two manifests."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


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
    for name in hints:
        if name not in given:
            raise _wrong(f"has no {prefix}{name}")
    return kind(**{name: _read(given[name], hint, prefix + name) for name, hint in hints.items()})


_IN_WORDS = {str: "text", int: "a whole number", float: "a number", list: "a list", dict: "an object"}


def _checked(value: Any, kind: type, where: str) -> Any:
    if type(value) is not kind:
        raise _wrong(f"has {where or 'something'} that is not {_IN_WORDS[kind]}")
    if type(value) is int and not 0 <= value <= MAX_INTEGER:
        raise _wrong(f"has {where} that is negative or too large")
    return value


def _read_1(document: dict[str, Any]) -> Manifest:
    return _read_2({**document, "task": None})


def _read_2(document: dict[str, Any]) -> Manifest:
    return _read_3({**document, "service": None})


def _read_3(document: dict[str, Any]) -> Manifest:
    manifest: Manifest = _read(document, Manifest, "")
    return manifest


READERS: dict[int, Callable[[dict[str, Any]], Manifest]] = {1: _read_1, 2: _read_2, 3: _read_3}
"""A reader for every schema that was ever written: bundles and releases on boards outlive the edgequant that made them.

A new schema gets a reader, and the one before it then gives what that has: `return _read_4({**document, ...})`.
"""


# ---- what the types do not say ----


def _check_engine(manifest: Manifest) -> None:
    model, runner = manifest.model, manifest.runner
    if (runner is None) == (not manifest.wheels):
        raise _wrong("must have either a runner or wheels")
    if model.engine not in (("native",) if runner else ("litert", "onnxruntime")):
        raise _wrong(f"has the engine {model.engine!r}, which is not what it brings")
    if runner and runner.path != RUNNER:
        raise _wrong(f"has a runner that is not {RUNNER}")
    if model.path not in MODELS:
        raise _wrong(f"has a model that is neither {' nor '.join(MODELS)}")


def _check_task(manifest: Manifest) -> None:
    task = manifest.task
    if task is None:
        return
    if manifest.runner is None:
        raise _wrong("has a task without the runner that answers it")
    if task.path != TASK or task.input not in EXAMPLES or task.example not in (None, EXAMPLES[task.input]):
        raise _wrong("has a task that cannot be")


def _check_service(manifest: Manifest) -> None:
    service = manifest.service
    if service is None:
        return
    if manifest.task is None:
        raise _wrong("has a service without the task that it is for")
    commands = (service.source, *([] if service.answers is None else [service.answers]))
    if (
        (service.unit, service.script) != (UNIT, SERVICE_SH)
        or not input_options(manifest.task.input).fullmatch(service.input)
        or any(problem_with(command) for command in commands)
        or not EVERY[0] <= service.every <= EVERY[1]
    ):
        raise _wrong("has a service that cannot be")


def _task_files(manifest: Manifest) -> list[str]:
    task = manifest.task
    if task is None:
        return []
    return [task.path] if task.example is None else [task.path, task.example, ANSWER]


def _check_files(manifest: Manifest) -> None:
    """See that there are those files that the format has, and no others."""
    engine = [RUNNER] if manifest.runner else [WHEELS, SMOKE_PY]
    needed = {manifest.model.path, *engine, README, SMOKE_SH, *(tensor.path for tensor in _tensors(manifest.goldens))}
    needed.update(_task_files(manifest))
    if manifest.service is not None:
        needed.update((manifest.service.unit, manifest.service.script))
    paths = [entry.path for entry in manifest.files]
    for entry in manifest.files:
        if entry.path not in needed:
            raise _wrong(f"has a file named {entry.path!r}, which a bundle may not have")
        if not _DIGEST.fullmatch(entry.sha256):
            raise _wrong(f"has no SHA-256 for {entry.path}")
        if entry.mode != (0o755 if entry.path in EXECUTABLES else 0o644):
            raise _wrong(f"has permissions of {entry.path} that cannot be")
    if missing := sorted(needed.difference(paths)):
        raise _wrong(f"names {missing[0]!r}, but does not list it")
    if paths != sorted(set(paths)):
        raise _wrong("has files twice or not in their order")
    if len(paths) > MAX_FILES or sum(entry.bytes for entry in manifest.files) > MAX_BYTES:
        limits = f"{MAX_FILES:,} files or {MAX_BYTES // 2**30} GiB"
        raise BundleError(f"The bundle has more than {limits}, which edgequant does not open.")


def _check_goldens(manifest: Manifest) -> None:
    goldens = manifest.goldens
    if not goldens or not manifest.outputs:
        raise _wrong("has no goldens or no outputs, so nothing could be proved with it")
    if len(goldens) > MAX_GOLDENS:
        raise BundleError(f"The bundle has more than {MAX_GOLDENS:,} goldens, which edgequant does not open.")
    if [output.name for output in manifest.outputs] != [tensor.name for tensor in goldens[0].outputs]:
        raise _wrong("has other outputs in goldens[0] than the model")
    for tensors in (goldens[0].inputs, goldens[0].outputs):
        if len({tensor.name for tensor in tensors}) != len(tensors):
            raise _wrong("has inputs or outputs of one name")
    for number, golden in enumerate(goldens):
        if golden.kind not in KINDS:
            raise _wrong(f"has the kind {golden.kind!r} of a golden, which there is not")
        for role, tensors, first in (
            ("input", golden.inputs, goldens[0].inputs),
            ("output", golden.outputs, goldens[0].outputs),
        ):
            if [(tensor.name, tensor.dtype) for tensor in tensors] != [(tensor.name, tensor.dtype) for tensor in first]:
                raise _wrong(f"has other {role}s in goldens[{number}] than in the first")
            for index, tensor in enumerate(tensors):
                _check_tensor(tensor, tensor_path(number, role, index))


def _check_tensor(tensor: TensorFile, path: str) -> None:
    if tensor.path != path:
        raise _wrong(f"has {tensor.path!r} in the place of {path}")
    fits = len(tensor.shape) <= MAX_DIMENSIONS and math.prod(size or 1 for size in tensor.shape) <= MAX_BYTES
    if tensor.dtype not in DTYPES or not fits or not _DIGEST.fullmatch(tensor.data_sha256):
        raise _wrong(f"has a type, shape or digest of {path} that cannot be")


def _check_tolerances(manifest: Manifest) -> None:
    for output, tensor in zip(manifest.outputs, manifest.goldens[0].outputs, strict=True):
        most = most_tolerated(manifest.model, tensor.dtype)
        if not 0 <= output.tolerance <= most:
            raise _wrong(f"has the tolerance {output.tolerance:g} of {output.name!r}, which can be {most:g} at most")


def _tensors(goldens: Iterable[Golden]) -> list[TensorFile]:
    return [tensor for golden in goldens for tensor in (*golden.inputs, *golden.outputs)]
