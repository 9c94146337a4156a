"""From a float hub file to the model asked for: calibrate, quantize, measure."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ._centred import centred
from ._choose import Choice, KeepFirst, Step, choose
from ._errors import SourceError, UnsupportedError
from ._evaluate import open_model
from ._evened import Evened, Spans, even_out, evenable
from ._known import Known, write_known
from ._measure import (
    ON_CALIBRATION,
    ON_DATA,
    ON_HELD_BACK,
    ON_KEPT_ASIDE,
    ON_NOISE,
    ON_PROBES,
    Answers,
    FloatHub,
    Measurement,
    measure,
    noise_samples,
)
from ._prove import Draft, proven
from ._request import ActivationWatch, QuantizationRequest, Ranges, Sample
from ._schemes import Scheme, Target
from ._twin import twin_of
from .calibration import (
    MINMAX,
    DataCheck,
    DataSource,
    Evidence,
    FirstLayer,
    InputFacts,
    RangeCollector,
    Rounding,
    range_collector,
    split,
    suspicions,
)
from .ir import Drafts
from .onnx_quantizer import first_layer as onnx_first
from .onnx_quantizer import functions_read as onnx_functions
from .onnx_quantizer import layer_inputs as onnx_inputs
from .onnx_quantizer import left_in_float, quantize_onnx, watch_onnx
from .onnx_quantizer import results_of_functions as onnx_results
from .quantizer import first_layer as litert_first
from .quantizer import functions_read as litert_functions
from .quantizer import io_type, quantize_litert, watch_litert
from .quantizer import layer_inputs as litert_inputs
from .quantizer import results_of_functions as litert_results
from .tflite import ModelT, read_model

Progress = Callable[[str, int, int | None], None]
"""Called with a step's name, how many of its samples are done, and how many there are (None: not known)."""

MEASURED_SAMPLES = 64
"""How many samples the SQNR is measured on, at the most."""


@dataclass(frozen=True, slots=True)
class Written:
    """What `quantize_hub` did.

    How many samples calibrated, how far the model is from the hub, why operators that have an integer form were
    left in float (by the names of their outputs; of nodes in ONNX), which alternatives were measured, what the
    calibration data holds, and what is suspicious about it. `strict_bytes` is the size that the model would have had
    with nothing left in float, where something was.
    """

    calibrated: int
    measurement: Measurement
    kept: Mapping[str, str]
    choices: tuple[Step, ...] = ()
    data: tuple[InputFacts, ...] = ()
    mistakes: tuple[str, ...] = ()
    strict_bytes: int | None = None


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
    writer = _Writer(hub, output, target, request, io)
    learned = request.learned
    if request.scheme.needs_calibration and known is not None:
        progress("quantizing", 0, None)
        write_known(known, output, request, io)
    elif request.scheme.needs_calibration and (data is not None or learned is not None):
        if learned is not None:
            progress("quantizing", 0, None)
            writer.write(_observed(writer.watch(), learned.collector(), learned.probes))
        elif data is not None:
            if request.effort and target is Target.LITERT:
                writer.hub = centred(hub)
            return _calibrated(writer, hub, data, progress)
    else:
        progress("quantizing", 0, None)
        writer.write({})
    progress("measuring", 0, None)
    if data is not None:
        return Written(0, measure(hub, output, islice(data, MEASURED_SAMPLES), ON_DATA), writer.kept)
    if learned is not None:
        return Written(0, measure(hub, output, learned.probes, ON_PROBES), writer.kept)
    inputs = open_model(hub).inputs
    samples = noise_samples(inputs) if known is None else known.noise(inputs)
    return Written(0, measure(hub, output, samples, ON_NOISE), writer.kept)


@dataclass(slots=True)
class _Writer:
    """Writes one hub as one request says, with whatever ranges."""

    hub: Path
    output: Path
    target: Target
    request: QuantizationRequest
    io: str
    kept: dict[str, str] = field(default_factory=dict)
    _parsed: dict[Path, ModelT] = field(default_factory=dict)
    _drafts: Drafts = field(default_factory=Drafts)

    def parsed(self, hub: Path) -> ModelT:
        """Return a LiteRT hub as it was read, nobody's to change: dozens of alternatives are written of it."""
        if hub not in self._parsed:
            self._parsed[hub] = read_model(hub)
        return self._parsed[hub]

    def write(self, ranges: Ranges, rounding: Rounding | None = None, hub: Path | None = None) -> int:
        """Write the model; return how many operators stay in float.

        `rounding` corrects its biases, `hub` stands for the hub.
        """
        if self.request.scheme is Scheme.FP32:
            shutil.copyfile(self.hub, self.output)
        elif self.target is Target.LITERT:
            model = self.parsed(hub or self.hub)
            self.kept = quantize_litert(model, self.output, self.request, self.io, ranges, rounding, self._drafts)
        else:
            self.kept = quantize_onnx(self.hub, self.output, self.request, ranges, rounding)
        return len(self.kept)

    def watch(self) -> ActivationWatch:
        """Return what runs the hub and shows its activations."""
        return watch_litert(self.parsed(self.hub)) if self.target is Target.LITERT else watch_onnx(self.hub)

    def even_out(self, spans: Spans) -> Evened | None:
        """Return a hub with even channels, for LiteRT; None if there is nothing to win."""
        return even_out(self.hub, spans) if self.target is Target.LITERT else None

    def into(self, output: Path) -> "_Writer":
        """Return what writes the hub to another file."""
        return replace(self, output=output, kept={})

    def draft(self) -> Draft:
        """Return the ONNX file that this writes."""
        return Draft(self.output, self.write, lambda ranges: len(left_in_float(self.hub, self.request, ranges)))

    def strict_bytes(self, ranges: Ranges) -> int | None:
        """Return the bytes of the model with nothing left in float; None if nothing is, or it cannot be made."""
        if not self.kept:
            return None
        strict = self.into(self.output.with_name(f"strict-{self.output.name}"))
        strict.request = replace(self.request, strict=True, free_outputs=False)
        try:
            strict.write(ranges)
            return strict.output.stat().st_size
        except UnsupportedError:
            return None
        finally:
            strict.output.unlink(missing_ok=True)

    def channels(self) -> Mapping[str, tuple[int, int]]:
        """Return the tensors whose means correct biases; see `Evidence`."""
        return litert_inputs(self.parsed(self.hub)) if self.target is Target.LITERT else onnx_inputs(self.hub)

    def functions(self) -> Mapping[str, str]:
        """Return the functions by whose results the ranges of tensors are judged; see `Evidence`."""
        return litert_functions(self.parsed(self.hub)) if self.target is Target.LITERT else onnx_functions(self.hub)

    def results(self) -> Mapping[str, tuple[str, str]]:
        """Return the arguments and functions of tensors that are functions of one; see `Evidence`."""
        return litert_results(self.parsed(self.hub)) if self.target is Target.LITERT else onnx_results(self.hub)

    def first_layer(self) -> FirstLayer | None:
        """Return the hub's first layer with a bias."""
        return litert_first(self.parsed(self.hub)) if self.target is Target.LITERT else onnx_first(self.hub)


def _calibrated(writer: _Writer, hub: Path, data: DataSource, progress: Progress) -> Written:
    """Measure with the ranges of the samples that are not kept aside; those join afterwards, if they only widen.

    What is written is measured against `hub`, whatever the writer has made of it.
    """
    request, check, watch = writer.request, DataCheck(), writer.watch()
    samples = split(check.watch(data), max_samples=MEASURED_SAMPLES)
    calibrating = KeepFirst(_counted(samples, data.count, progress))
    evidence = Evidence(
        writer.channels(),
        request.method,
        writer.functions(),
        evenable(writer.hub) if writer.target is Target.LITERT else frozenset(),
        writer.results(),
    )
    choice, floats = None, FloatHub(hub)
    collector: RangeCollector = evidence if request.effort else range_collector(request.method or MINMAX)
    ranges = _observed(watch, collector, calibrating, calibrating.note)
    if request.effort:
        progress("choosing ranges", 0, None)
        choice = _chosen(writer, watch, evidence, calibrating, floats)
    else:
        progress("quantizing", 0, None)
        writer.write(ranges)
    progress("measuring", 0, None)
    only_widens = choice.only_widens if choice else (request.method or MINMAX) == MINMAX
    joins = samples.disjoint and only_widens
    measured_on = ON_HELD_BACK if joins else ON_KEPT_ASIDE if samples.disjoint else ON_CALIBRATION
    measurement = floats.measure(writer.output, samples.held_back, measured_on)
    calibrated = samples.used
    if joins:
        calibrated += len(samples.held_back)
        ranges = _observed(writer.watch() if choice else watch, collector, samples.held_back)
        if choice is None:
            writer.write(ranges)
        else:
            choice.write(writer.write, evidence)
    facts, mistakes = tuple(check.inputs.values()), list(check.mistakes())
    if choice is not None:
        mistakes += suspicions(evidence, writer.first_layer(), facts)
    return Written(
        calibrated,
        measurement,
        writer.kept,
        () if choice is None else choice.steps,
        facts,
        tuple(mistakes),
        writer.strict_bytes(ranges),
    )


def _chosen(writer: _Writer, watch: ActivationWatch, evidence: Evidence, fit: KeepFirst, floats: FloatHub) -> Choice:
    """Choose ranges and more by what they do to a .tflite: to the one that is asked for, or to an ONNX hub's twin.

    A network that LiteRT cannot say, or dies of, is measured in ONNX Runtime, which takes its time: with ranges for all
    tensors at once.
    """
    if writer.target is Target.LITERT:
        own = FloatHub(writer.hub)  # which `centred` may have made
        return choose(own, writer.output, writer.write, evidence, fit, writer.even_out)
    try:
        twin = twin_of(writer.hub, watch, evidence, writer.request.method, fit)
        request = replace(writer.request, keep_float=None)  # which goes by the names of ONNX
        output = twin.hub.with_name(f"int8-{twin.hub.name}")
        trials = _Writer(twin.hub, output, Target.LITERT, request, io_type(request.scheme, None))
        choice = choose(FloatHub(twin.hub), output, trials.write, twin.evidence, twin.fit)
    except (UnsupportedError, SourceError):
        return choose(floats, writer.output, writer.write, evidence, fit, piecewise=False)
    choice = choice.taken_to(twin.evidence, twin.same, evidence)
    spare = writer.into(twin.hub.with_name("plain.onnx"))
    return proven(floats, writer.draft(), spare.draft(), evidence, twin.fit, choice)


def _observed(
    watch: ActivationWatch,
    collector: RangeCollector,
    samples: Iterable[Sample],
    note: Callable[[Answers], None] | None = None,
) -> Ranges:
    """Show the collector what the samples make of every activation; return the ranges of all it has seen.

    `note` is told the hub's answer to each sample, where they are all shown.
    """
    wanted = () if note is None or watch.outputs is None else watch.outputs
    for sample in samples:
        answers: dict[str, NDArray[Any]] = {}
        for name, value in watch.run(sample):
            collector.update(name, value)
            if name in wanted:
                answers[name] = value
        if note is not None and answers:
            note([answers[name] for name in wanted])
    return collector.ranges()


def _counted(samples: Iterable[Sample], count: int | None, progress: Progress) -> Iterator[Sample]:
    for done, sample in enumerate(samples):
        progress("calibrating", done, count)
        yield sample
