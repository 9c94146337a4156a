"""What a smoke test found."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from edgequant import __version__
from edgequant._errors import EdgequantError

if TYPE_CHECKING:
    from edgequant_device_checks import Device
    from numpy.typing import NDArray

    from edgequant._bundle import Manifest

SCHEMA = 1
EQUAL, DIFFERENT, COULD_NOT_RUN = 0, 1, 2

Verdict = Literal["equal", "different", "could not run"]
Status = Literal["equal", "within tolerance", "different"]


class SmokeError(EdgequantError):
    """A bundle cannot be run on the board; the text says what to do next."""


@dataclass(frozen=True, slots=True)
class Check:
    """Something of the device held against what the bundle was made for; not `ok` is a warning, no failure."""

    name: str
    ok: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the values of an output differ from the golden ones: `count` of `values`, first at the index `first`.

    `expected` and `got` are the two values there, `largest` the largest absolute difference (infinite where one of the
    two is not finite); of integers they are exact. `arrays` are all golden values and all of the board's, None where
    they stayed there.
    """

    count: int
    values: int
    first: tuple[int, ...]
    expected: int | float
    got: int | float
    largest: int | float
    arrays: "tuple[NDArray[Any], NDArray[Any]] | None" = field(default=None, repr=False, compare=False)

    @property
    def sentence(self) -> str:
        """Say it."""
        place = ", ".join(map(str, self.first))
        return (
            f"{self.count:,} of {self.values:,} values differ, first at [{place}]: {_value(self.expected)} expected, "
            f"{_value(self.got)} got; the largest difference is {_value(self.largest)}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types; None stands for what is not finite."""
        numbers = {key: _finite(getattr(self, key)) for key in ("expected", "got", "largest")}
        return {"count": self.count, "values": self.values, "first": list(self.first), **numbers}


@dataclass(frozen=True, slots=True)
class OutputResult:
    """An output of one run: `sha256` of its values, and `detail` in words unless they are equal."""

    name: str
    status: Status
    sha256: str
    detail: str = ""
    difference: Difference | None = None


@dataclass(frozen=True, slots=True)
class GoldenRun:
    """A golden with a number of threads: what came out, the kernels that ran, and seconds, the start included."""

    threads: int
    kernels: str
    outputs: tuple[OutputResult, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class GoldenResult:
    """A golden by its number in the manifest and kind, with its runs."""

    number: int
    kind: str
    runs: list[GoldenRun]

    @property
    def status(self) -> Status:
        """The worst status of its outputs."""
        found = {output.status for run in self.runs for output in run.outputs}
        return "different" if "different" in found else "within tolerance" if "within tolerance" in found else "equal"

    @property
    def sentence(self) -> str:
        """Say how it went with each number of threads, naming the outputs that are not equal."""
        if self.status == "equal":
            return f"equal with {threads_in_words([run.threads for run in self.runs])}"
        found: dict[tuple[str, str, str], list[int]] = {}
        for run in self.runs:
            for output in run.outputs:
                if output.status != "equal":
                    found.setdefault((output.name, output.status, output.detail), []).append(run.threads)
        return "; ".join(
            f"{name} {status} with {threads_in_words(threads)}: {detail}"
            for (name, status, detail), threads in found.items()
        )


@dataclass(frozen=True, slots=True)
class Latency:
    """Microseconds of one inference, of `runs` on the first golden's inputs, and of opening the model."""

    threads: int
    runs: int
    median_us: float
    min_us: float
    open_us: float | None = None


@dataclass(slots=True)
class SmokeResult:
    """What was found so far; `error` says why the test ended early, None if it did not.

    `name` is what the bundle is called, `digest` that of its manifest; `manifest` is None if it could not be opened.
    `computer` is the transport's title. `probe` is what the runner says of the device, `load` the load average of its
    last minute, `memory` the bytes that the process took at most, and the engine's own account of them.
    """

    name: str
    computer: str
    is_emulated: bool
    digest: str | None = None
    manifest: "Manifest | None" = None
    device: "Device | None" = None
    probe: Mapping[str, Any] | None = None
    load: float | None = None
    checks: list[Check] = field(default_factory=list)
    goldens: list[GoldenResult] = field(default_factory=list)
    latencies: list[Latency] = field(default_factory=list)
    memory: Mapping[str, int] | None = None
    error: str | None = None
    seconds: float = 0

    def keep(self, goldens: Sequence[GoldenResult], runs: int) -> None:
        """Take the goldens that have all `runs`, and those cut off that have proved a difference."""
        self.goldens = [golden for golden in goldens if len(golden.runs) == runs or golden.status == "different"]

    @property
    def exit_code(self) -> int:
        """0: all equal; 1: a difference, also if something failed after it; 2: could not run to the end."""
        if any(golden.status == "different" for golden in self.goldens):
            return DIFFERENT
        return EQUAL if self.error is None else COULD_NOT_RUN

    @property
    def verdict(self) -> Verdict:
        """The exit code in words."""
        words: tuple[Verdict, ...] = ("equal", "different", "could not run")
        return words[self.exit_code]

    @property
    def headline(self) -> str:
        """The verdict as a sentence."""
        if self.exit_code == COULD_NOT_RUN:
            return self.error or ""
        count, all_of_them = len(self.goldens), _count(len(self.goldens), "golden")
        with_threads = threads_in_words(sorted({run.threads for golden in self.goldens for run in golden.runs}))
        if self.exit_code == DIFFERENT:
            bad = sum(golden.status == "different" for golden in self.goldens)
            return f"{bad} of {all_of_them} give{'s' * (bad == 1)} other values on {self.computer}."
        near = sum(golden.status == "within tolerance" for golden in self.goldens)
        agrees = "The golden agrees" if count == 1 else f"All {count} goldens agree"
        if near:
            how = f"{count - near} bit for bit, {near} within tolerance"
            return f"{agrees} on {self.computer}: {how}, with {with_threads}."
        return f"{agrees} on {self.computer}, bit for bit, with {with_threads}."

    @property
    def sentences(self) -> list[str]:
        """The verdict, what differs, and what the checks warn of."""
        different = [
            f"Golden {golden.number} ({golden.kind}): {golden.sentence}."
            for golden in self.goldens
            if golden.status != "equal"
        ]
        late = [self.error] if self.error and self.exit_code == DIFFERENT else []
        return [self.headline, *different, *late, *(check.sentence for check in self.checks if not check.ok)]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types; docs/smoke.md says what each key is."""
        return {
            "schema": SCHEMA,
            "verdict": self.verdict,
            "exit_code": self.exit_code,
            "sentences": self.sentences,
            "error": self.error,
            "edgequant": __version__,
            "bundle": {"name": self.name, "sha256": self.digest, **_made_for(self.manifest)},
            "transport": {"title": self.computer, "is_emulated": self.is_emulated},
            "device": None if self.device is None else self.device.to_dict(),
            "probe": None if self.probe is None else dict(self.probe),
            "load_average": self.load,
            "checks": [asdict(check) for check in self.checks],
            "goldens": [_golden(golden, self.manifest) for golden in self.goldens],
            "latency_is_meaningful": not self.is_emulated,
            "latency": [asdict(latency) for latency in self.latencies],
            "memory_is_meaningful": not self.is_emulated,
            "memory_bytes": None if self.memory is None else dict(self.memory),
            "seconds": round(self.seconds, 3),
        }


def threads_in_words(counts: Sequence[int]) -> str:
    """Return `1 thread`, `4 threads` or `1 and 4 threads`."""
    return f"{' and '.join(map(str, counts))} thread{'s' * (list(counts) != [1])}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _made_for(manifest: "Manifest | None") -> dict[str, Any]:
    if manifest is None:
        return dict.fromkeys(("target", "edgequant", "model", "runner"))
    return {
        "target": manifest.target,
        "edgequant": manifest.edgequant,
        "model": asdict(manifest.model),
        "runner": None if manifest.runner is None else asdict(manifest.runner),
    }


def _golden(golden: GoldenResult, manifest: "Manifest | None") -> dict[str, Any]:
    expected = [] if manifest is None else [output.data_sha256 for output in manifest.goldens[golden.number].outputs]
    runs = [
        {
            "threads": run.threads,
            "kernels": run.kernels,
            "seconds": round(run.seconds, 3),
            "outputs": [
                {
                    "name": output.name,
                    "status": output.status,
                    "sha256": output.sha256,
                    "expected_sha256": digest,
                    "detail": output.detail,
                    "difference": None if output.difference is None else output.difference.to_dict(),
                }
                for output, digest in zip(run.outputs, expected, strict=True)
            ],
        }
        for run in golden.runs
    ]
    return {"number": golden.number, "kind": golden.kind, "status": golden.status, "runs": runs}


def _value(number: int | float) -> str:
    return str(number) if isinstance(number, int) else f"{number:.9g}"


def _finite(value: int | float) -> int | float | None:
    return value if math.isfinite(value) else None
