"""From a float hub file to the model asked for: calibrate, quantize, measure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ._evaluate import open_model
from ._known import Known, write_known
from ._measure import ON_CALIBRATION, ON_DATA, ON_HELD_BACK, ON_NOISE, ON_PROBES, Measurement, measure, noise_samples
from ._request import ActivationWatch, QuantizationRequest, Ranges, Sample
from ._schemes import Target
from .calibration import DataSource, RangeCollector, range_collector, split
from .onnx_quantizer import quantize_onnx, watch_onnx
from .quantizer import quantize_litert, watch_litert

Progress = Callable[[str, int, int | None], None]
"""Called with a step's name, how many of its samples are done, and how many there are (None: not known)."""

MEASURED_SAMPLES = 64
"""How many samples the SQNR is measured on, at the most."""


@dataclass(frozen=True, slots=True)
class Written:
    """What `quantize_hub` did.

    How many samples calibrated, how far the model is from the hub, and why operators that have an integer form were
    left in float, by the names of their outputs.
    """

    calibrated: int
    measurement: Measurement
    kept: Mapping[str, str]


def quantize_hub(
    hub: Path,
    output: Path,
    target: Target,
    request: QuantizationRequest,
    io: str,
    data: DataSource | None,
    progress: Progress,
    known: Known | None = None,
) -> Written:
    """Write `hub` to `output` as `request` says, and measure it against the hub.

    `known` is what a quantized source had, which then needs no calibration.

    Raises UnsupportedError, and CalibrationError for data that does not fit.
    """
    kept: dict[str, str] = {}

    def write(ranges: Ranges) -> None:
        progress("quantizing", 0, None)
        if target is Target.LITERT:
            kept.update(quantize_litert(hub, output, request, io, ranges))
        else:
            quantize_onnx(hub, output, request, ranges)

    learned = request.learned
    if request.scheme.needs_calibration and known is not None:
        progress("quantizing", 0, None)
        write_known(known, output, request, io)
    elif request.scheme.needs_calibration and (data is not None or learned is not None):
        watch = watch_litert(hub) if target is Target.LITERT else watch_onnx(hub)
        if learned is not None:
            write(_observed(watch, learned.collector(), learned.probes))
        elif data is not None:
            collector = range_collector(request.method)
            return Written(*_calibrated(hub, output, watch, collector, data, write, progress), kept)
    else:
        write({})
    progress("measuring", 0, None)
    if data is not None:
        return Written(0, measure(hub, output, islice(data, MEASURED_SAMPLES), ON_DATA), kept)
    if learned is not None:
        return Written(0, measure(hub, output, learned.probes, ON_PROBES), kept)
    inputs = open_model(hub).inputs
    samples = noise_samples(inputs) if known is None else known.noise(inputs)
    return Written(0, measure(hub, output, samples, ON_NOISE), kept)


def _calibrated(
    hub: Path,
    output: Path,
    watch: ActivationWatch,
    collector: RangeCollector,
    data: DataSource,
    write: Callable[[Ranges], None],
    progress: Progress,
) -> tuple[int, Measurement]:
    """Measure with the ranges of the samples that are not kept aside; then write with the ranges of all of them."""
    samples = split(data, max_samples=MEASURED_SAMPLES)
    write(_observed(watch, collector, _counted(samples, data.count, progress)))
    progress("measuring", 0, None)
    measurement = measure(hub, output, samples.held_back, ON_HELD_BACK if samples.disjoint else ON_CALIBRATION)
    if not samples.disjoint:
        return samples.used, measurement
    write(_observed(watch, collector, samples.held_back))
    return samples.used + len(samples.held_back), measurement


def _observed(watch: ActivationWatch, collector: RangeCollector, samples: Iterable[Sample]) -> Ranges:
    """Show the collector what the samples make of every activation; return the ranges of all it has seen."""
    for sample in samples:
        for name, value in watch.run(sample):
            collector.update(name, value)
    return collector.ranges()


def _counted(samples: Iterable[Sample], count: int | None, progress: Progress) -> Iterator[Sample]:
    for done, sample in enumerate(samples):
        progress("calibrating", done, count)
        yield sample
