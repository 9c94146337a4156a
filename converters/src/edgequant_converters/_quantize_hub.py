"""From a float hub file to the model asked for: calibrate, quantize, measure."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ._evaluate import open_model
from ._measure import ON_CALIBRATION, ON_DATA, ON_HELD_BACK, ON_NOISE, Measurement, measure, noise_samples
from ._request import ActivationWatch, QuantizationRequest, Ranges
from ._schemes import Target
from .calibration import DataSource, RangeCollector, range_collector, split
from .litert_quantizer import quantize_litert, watch_litert
from .onnx_quantizer import quantize_onnx, watch_onnx

Progress = Callable[[str, int, int | None], None]
"""Called with a step's name, how many of its samples are done, and how many there are (None: not known)."""

MEASURED_SAMPLES = 64
"""How many samples the SQNR is measured on, at the most."""


def quantize_hub(
    hub: Path,
    output: Path,
    target: Target,
    request: QuantizationRequest,
    io: str,
    data: DataSource | None,
    progress: Progress,
) -> tuple[int, Measurement]:
    """Write `hub` to `output` as `request` says; return how many samples calibrated, and the SQNR against the hub.

    Raises UnsupportedError, and CalibrationError for data that does not fit.
    """

    def write(ranges: Ranges) -> None:
        progress("quantizing", 0, None)
        if target is Target.LITERT:
            quantize_litert(hub, output, request, io, ranges)
        else:
            quantize_onnx(hub, output, request, ranges)

    if data is not None and request.scheme.needs_calibration:
        watch = watch_litert(hub) if target is Target.LITERT else watch_onnx(hub)
        return _calibrated(hub, output, watch, range_collector(request.method), data, write, progress)
    write({})
    progress("measuring", 0, None)
    if data is not None:
        return 0, measure(hub, output, islice(data, MEASURED_SAMPLES), ON_DATA)
    return 0, measure(hub, output, noise_samples(open_model(hub).inputs), ON_NOISE)


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

    def add(sample: dict[str, NDArray[Any]]) -> None:
        for name, value in watch.run(sample):
            collector.update(name, value)

    samples = split(data, max_samples=MEASURED_SAMPLES)
    for done, sample in enumerate(samples):
        progress("calibrating", done, data.count)
        add(sample)
    write(collector.ranges())
    progress("measuring", 0, None)
    measurement = measure(hub, output, samples.held_back, ON_HELD_BACK if samples.disjoint else ON_CALIBRATION)
    if not samples.disjoint:
        return samples.used, measurement
    for sample in samples.held_back:
        add(sample)
    write(collector.ranges())
    return samples.used + len(samples.held_back), measurement
