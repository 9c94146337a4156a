"""From a float hub file to the model asked for: calibrate, quantize, measure."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

from ._evaluate import open_model
from ._measure import ON_CALIBRATION, ON_DATA, ON_HELD_BACK, ON_NOISE, ON_PROBES, Measurement, measure, noise_samples
from ._request import QuantizationRequest, Sample, Samples
from ._schemes import Target
from .calibration import DataSource, split
from .litert_quantizer import quantize_litert
from .onnx_quantizer import quantize_onnx

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
    """Write `hub` to `output` as `request` says; return how many samples calibrated, and the SQNR against the hub."""

    def write(samples: Samples) -> None:
        if target is Target.LITERT:
            quantize_litert(hub, output, request, io, samples)
        else:
            quantize_onnx(hub, output, request, samples)

    learned = request.learned
    if data is not None and request.scheme.needs_calibration and learned is None:
        samples = split(data, max_samples=MEASURED_SAMPLES)
        write(_reporting(samples, data.count, progress))
        progress("measuring", 0, None)
        measured_on = ON_HELD_BACK if samples.disjoint else ON_CALIBRATION
        return samples.used, measure(hub, output, samples.held_back, measured_on)
    progress("quantizing", 0, None)
    write(() if learned is None else learned.probes)
    progress("measuring", 0, None)
    if data is not None:
        return 0, measure(hub, output, islice(data, MEASURED_SAMPLES), ON_DATA)
    if learned is not None:
        return 0, measure(hub, output, learned.probes, ON_PROBES)
    return 0, measure(hub, output, noise_samples(open_model(hub).inputs), ON_NOISE)


def _reporting(samples: Iterable[Sample], count: int | None, progress: Progress) -> Iterator[Sample]:
    for done, sample in enumerate(samples):
        progress("calibrating", done, count)
        yield sample
    progress("quantizing", 0, None)
