"""What a report holds; the page and the JSON document are made of nothing else."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

THIS_MACHINE = "this machine"

Measure = Literal["accuracy", "agreement", "sqnr_db"]


@dataclass(frozen=True, slots=True)
class Latency:
    """The least median latency of a model on a device, in microseconds, and the configuration that reached it."""

    device: str
    engine: str
    threads: int | None
    median_us: float


@dataclass(frozen=True, slots=True)
class ModelReport:
    """One file. The reference is number 1.

    `ratio` is bytes over the reference's. `accuracy` and `agreement` are fractions of the samples, `sqnr_db` is that
    of the worst output (300: identical), each None where it is not known. `equal` is the share of equal values of the
    worst output of whole numbers, such as indices, which count in no SQNR; None if there is none. `float_ops` counts
    the operators that compute in float by their type; `float_names` names them.
    """

    number: int
    file: str
    format: str | None
    bytes: int
    ratio: float
    sha256: str
    accuracy: float | None
    agreement: float | None
    sqnr_db: float | None
    equal: float | None
    float_ops: Mapping[str, int]
    float_names: tuple[str, ...]
    latencies: tuple[Latency, ...]

    def worth(self, measure: Measure) -> float | None:
        """Return the model's figure in that measure."""
        value: float | None = getattr(self, measure)
        return value

    def latency(self, device: str) -> Latency | None:
        """Return the model's latency on a device, if it was measured."""
        return next((latency for latency in self.latencies if latency.device == device), None)


@dataclass(frozen=True, slots=True)
class Front:
    """The models that no other one beats in cost and worth at once, cheapest first.

    The cost is `bytes`, or `median_us` on `device`. `beaten` names for each other model the best one that beats it.
    Models without a figure in one of the two are in neither.
    """

    cost: Literal["bytes", "median_us"]
    device: str | None
    on: tuple[str, ...]
    beaten: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DeviceAdvice:
    """The format and engine for a device, whether measured latencies decided, and the files of that format here."""

    name: str
    title: str
    format: str
    engine: str | None
    measured: bool
    reasons: tuple[str, ...]
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FamilyReport:
    """A model family, measured. `measure` is what worth means in `fronts`; `summary` says the findings in sentences.

    `constants` are the reference's outputs that never vary over the samples, of which the figures say nothing.
    `commands` are pairs of what a command does and the command. `notes` say of each device what spoils its latencies.
    """

    models: tuple[ModelReport, ...]
    samples: int
    measure: Measure
    fronts: tuple[Front, ...]
    devices: tuple[DeviceAdvice, ...]
    summary: tuple[str, ...]
    commands: tuple[tuple[str, str], ...]
    versions: Mapping[str, str]
    notes: tuple[str, ...]
    constants: tuple[str, ...] = ()

    @property
    def reference(self) -> ModelReport:
        """The model that the others were held against."""
        return self.models[0]

    def model(self, file: str) -> ModelReport:
        """Return a model by its file name."""
        return next(model for model in self.models if model.file == file)

    def to_dict(self) -> dict[str, Any]:
        """Return what `edgequant report --json` prints; the keys are described in docs/report.md."""
        commands = [{"what": what, "command": command} for what, command in self.commands]
        return {**asdict(self), "commands": commands}
