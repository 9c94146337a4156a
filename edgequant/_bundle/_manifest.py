"""manifest.json: what is in a bundle."""

from dataclasses import dataclass
from typing import Any

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file of the bundle: its path inside, lower-case SHA-256, size in bytes, permission bits."""

    path: str
    sha256: str
    bytes: int
    mode: int


@dataclass(frozen=True, slots=True)
class TensorFile:
    """The values of a tensor, a .npy file; `data_sha256` is that of the values alone, which edgequant-run prints."""

    name: str
    path: str
    dtype: str
    shape: tuple[int, ...]
    data_sha256: str


@dataclass(frozen=True, slots=True)
class Golden:
    """Inputs, in the model's order, and the outputs that they must give; `kind`: sample, random, lowest, highest."""

    kind: str
    inputs: tuple[TensorFile, ...]
    outputs: tuple[TensorFile, ...]


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """The model: its file in the bundle, the operators it has, and multiply-accumulates of one inference."""

    path: str
    format: str | None
    engine: str
    operators: tuple[str, ...]
    macs: int | None
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class RunnerEntry:
    """The static program; `assumed_features` are those that it runs only with (empty: any CPU of the family)."""

    path: str
    version: str
    family: str
    assumed_features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wheel:
    """A Python package to install where there is no runner: pinned, with the SHA-256 of its file."""

    package: str
    version: str
    filename: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Output:
    """How an output is compared: exactly, or within `tolerance` of the largest absolute golden value."""

    name: str
    tolerance: float


@dataclass(frozen=True, slots=True)
class Manifest:
    """All of it. Exactly one of `runner` and `wheels` is given."""

    edgequant: str
    target: str
    model: ModelEntry
    runner: RunnerEntry | None
    wheels: tuple[Wheel, ...]
    outputs: tuple[Output, ...]
    goldens: tuple[Golden, ...]
    files: tuple[FileEntry, ...]
    source_sha256: str | None
    conversion: dict[str, Any] | None
