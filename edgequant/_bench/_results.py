"""The statistics of a benchmark, wherever it ran."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from edgequant_runtime import ProfileStep

from ._conditions import Conditions
from ._plan import Configuration
from ._timer import Timing


@dataclass(frozen=True, slots=True)
class BenchResult:
    """One configuration. Latencies are those of the inference alone, in microseconds; see docs/bench.md.

    `sha256` is that of the model file. `input_shapes`: what the model was opened with by input name, None for its own
    sizes and 1 where they are free. `ratio`: its latency over the first configuration's, as the median over the
    rounds of the ratio of the medians. `load_ms`: the median, where the model was loaded for each round. `profile`:
    what each step costs, of the native engine alone and if it was asked for.
    """

    model: str
    sha256: str
    format: str | None
    engine: str
    engine_version: str
    threads: int
    input_shapes: Mapping[str, Sequence[int]] | None
    runs: int
    median_us: float
    min_us: float
    p95_us: float
    ratio: float
    load_ms: float
    peak_rss_bytes: int
    baseline_rss_bytes: int
    profile: tuple[ProfileStep, ...] | None = None


@dataclass(frozen=True, slots=True)
class BenchReport:
    """All configurations, in the order in which they ran in each round.

    `host` and `device` (as `edgequant check --json` tells it) say where, None for this machine; `conditions` what it
    was like there before and after. `left_out` has a sentence for each configuration that could not run there, `slow`
    one for each model that the native engine runs much of it slowly.
    """

    results: tuple[BenchResult, ...]
    rounds: int
    seconds: float
    host: str | None = None
    device: Mapping[str, Any] | None = None
    conditions: Conditions | None = None
    left_out: tuple[str, ...] = ()
    slow: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what spoils the figures or is missing among them, and on models that are slow."""
        return (*self.left_out, *self.slow, *(self.conditions.notes if self.conditions else ()))

    def to_dict(self) -> dict[str, Any]:
        """Return what `edgequant bench --json` prints."""
        return {**asdict(self), "notes": list(self.notes)}


def result_of(
    configuration: Configuration,
    rounds: Sequence[Timing],
    first: Sequence[Timing],
    digest: str,
    number_format: str | None,
    profile: tuple[ProfileStep, ...] | None,
) -> BenchResult:
    """Return the statistics of a configuration's rounds, and the ratio to those of the first configuration."""
    microseconds = np.concatenate([np.asarray(timing.latencies_ns) for timing in rounds]) / 1e3
    ratios = [
        np.median(ours.latencies_ns) / np.median(theirs.latencies_ns)
        for ours, theirs in zip(rounds, first, strict=True)
    ]
    return BenchResult(
        model=str(configuration.model),
        sha256=digest,
        format=number_format,
        engine=configuration.engine,
        engine_version=rounds[0].engine_version,
        threads=configuration.threads,
        input_shapes=configuration.input_shapes,
        runs=len(microseconds),
        median_us=float(np.median(microseconds)),
        min_us=float(microseconds.min()),
        p95_us=float(np.percentile(microseconds, 95)),
        ratio=float(np.median(ratios)),
        load_ms=float(np.median([timing.load_ms for timing in rounds])),
        peak_rss_bytes=max(timing.peak_rss_bytes for timing in rounds),
        baseline_rss_bytes=rounds[0].baseline_rss_bytes,
        profile=profile,
    )
