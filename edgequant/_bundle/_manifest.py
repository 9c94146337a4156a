"""manifest.json: what is in a bundle. docs/bundle.md says what each key means."""

from dataclasses import dataclass
from typing import Any

SCHEMA = 3

MANIFEST, SUMS = "manifest.json", "SHA256SUMS"
RUNNER, WHEELS, README, SMOKE_SH, SMOKE_PY = "edgequant-run", "wheels.txt", "README.md", "smoke.sh", "smoke.py"
TASK, ANSWER = "task.json", "example.json"
UNIT, SERVICE_SH = "edgequant.service", "service.sh"
EXAMPLES = {"image": "example.ppm", "audio": "example.wav", "vector": "example.csv"}
"""The file of an example, by what the task takes."""
MODELS = ("model.tflite", "model.onnx")
KINDS = ("sample", "random", "lowest", "highest", "zero", "alternating")
MAX_SAMPLES = 1000
MAX_GOLDENS = MAX_SAMPLES + 4
"""The extremes come on top."""


def tensor_path(golden: int, role: str, index: int) -> str:
    """Return the path of a golden's file; `role` is input or output."""
    return f"goldens/{golden}/{role}-{index}.npy"


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
    """Inputs, in the model's order, and the outputs that they must give.

    `kind` is one of KINDS; sample: the user's.
    """

    kind: str
    inputs: tuple[TensorFile, ...]
    outputs: tuple[TensorFile, ...]


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """The model: its file in the bundle, the operators it has, and multiply-accumulates of one inference.

    `format` is the number format (`int8`), `engine` the one that the goldens are from, `memory_bytes` what a process
    needs to run the model on the board.
    """

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
    """How an output is compared: 0 is bit for bit.

    Otherwise integers may be off by `tolerance` (1: one quantization step), and floats by `tolerance` times the largest
    absolute value of the golden output.
    """

    name: str
    tolerance: float


@dataclass(frozen=True, slots=True)
class TaskEntry:
    """What the model takes and gives, for `edgequant-run --task`; `input` is image, audio or vector.

    `example` is a picture, a sound or lines, or None. With one, the file ANSWER has the end of the last line that
    `edgequant-run --json` prints for it, from the keys of the answer on.
    """

    path: str
    input: str
    example: str | None


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    """What runs the model all the time: the unit for systemd, and the script that it starts.

    `source` is the command whose output `edgequant-run` answers, given with the option `input`; `answers` the command
    that takes the answers, None if they are printed. `every`: seconds within which there must be an answer.
    """

    unit: str
    script: str
    source: str
    input: str
    answers: str | None
    every: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """All of it. Exactly one of `runner` and `wheels` is given.

    `os` is the release of Raspberry Pi OS that the wheels are for, None with a runner, which runs on any. `files` has
    every file but the manifest itself and SHA256SUMS, sorted by path. `conversion` is what `edgequant convert --json`
    said, `source_sha256` the digest of what was converted, `task` a task.json, `service` how it runs all the time; None
    where they were not given.
    """

    edgequant: str
    target: str
    os: str | None
    model: ModelEntry
    runner: RunnerEntry | None
    wheels: tuple[Wheel, ...]
    outputs: tuple[Output, ...]
    goldens: tuple[Golden, ...]
    files: tuple[FileEntry, ...]
    source_sha256: str | None
    conversion: dict[str, Any] | None
    task: TaskEntry | None = None
    service: ServiceEntry | None = None

    def file(self, path: str) -> FileEntry:
        """Return the entry of a file that the manifest lists."""
        return next(entry for entry in self.files if entry.path == path)
