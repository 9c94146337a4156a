"""The doctor: measure, try one technique after the other, keep what helps, write model and recipe."""

import math
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from edgequant_runtime.isolation import engine_process

from edgequant_converters._errors import UnsupportedError
from edgequant_converters._evaluate import open_model
from edgequant_converters._files import replacing
from edgequant_converters._float_hub import hub_in, keep_source, write_float_hub
from edgequant_converters._naming import named_for_the_user
from edgequant_converters._quantize_hub import Progress
from edgequant_converters._schemes import Scheme, Target, target_of
from edgequant_converters.calibration import ImagePreprocessing, open_data, peek
from edgequant_converters.graph import read_graph
from edgequant_converters.quantizer import Floats, io_type
from edgequant_converters.sources import Given
from edgequant_converters.tflite import carry_attached_files

from . import _techniques as techniques
from ._apply import apply_recipe
from ._binding import ByLayers
from ._case import Case
from ._diagnosis import diagnose
from ._judge import Judge, Score
from ._latency import LatencyBudget, latency_budget
from ._mixed_outputs import MixedOutput, mixed_outputs
from ._mixed_precision import Limits
from ._onnx_workshop import OnnxWorkshop
from ._recipe import Recipe, parse_recipe
from ._report import DoctorReport, Milliseconds
from ._samples import Evidence, gather
from ._treatment import LitertWorkshop, Treatment, Workshop

ENOUGH_DB = 30.0
"""Without labels, a model this close to the float one needs no layers off int8."""

ENOUGH_ACCURACY = 0.005
"""With labels, one that loses at most this much accuracy, from 0 to 1, needs none."""

NOTABLE = 0.2
"""What makes this share of the error that is left, or more, is named as a limit."""


def doctor(
    source: Any,
    output: str | os.PathLike[str],
    *,
    calibration: str | os.PathLike[str] | Iterable[Any],
    data: str | os.PathLike[str] | Iterable[Any] | None = None,
    labels: Any = None,
    budget: str | int = "5%",
    budget_ms: float | None = None,
    bench: str | os.PathLike[str] | None = None,
    max_layers: int = 2,
    recipe: str | os.PathLike[str] | None = None,
    io: str | None = None,
    per_channel: bool = True,
    images: ImagePreprocessing | None = None,
    example_inputs: Sequence[Any] | None = None,
    weights: str | os.PathLike[str] | None = None,
    input_shapes: Sequence[str] = (),
    input_values: Sequence[str] = (),
    input_layout: str | None = None,
    progress: Progress | None = None,
) -> DoctorReport:
    """Find why int8 loses accuracy, mend what can be mended, and write the model and the recipe that repeats it.

    Args:
        source: the float network, as for `convert`.
        output: the int8 model to write, `.tflite` or `.onnx`.
        calibration: typical inputs; the first 512 are used.
        data: other inputs to judge by: one half decides which steps are kept, the other measures the result. Without
            it every tenth calibration sample is held back for both.
        labels: a .npy or an array of one class index for each sample of `data`; accuracy then counts as well.
        budget: how large the file may become by layers off int8: "5%" more than plain int8, or a number of bytes.
        budget_ms: how many milliseconds an inference may take with layers off int8, in the native engine (.tflite).
        bench: what `edgequant bench --host BOARD --json` printed of an int8 model that is still there, unchanged: the
            milliseconds are that board's. Without it they are this machine's.
        max_layers: how many layers may be int16x8 or float32 at most.
        recipe: where the recipe is written; default: the output's name with the suffix `.recipe.json`.
        io: int8 (default), uint8 or float inputs and outputs of a .tflite model.
        per_channel: one weight scale per output channel (else one per tensor).
        images: how the pictures of a folder become input arrays.
        example_inputs: tensors for the torch module's forward().
        weights: a safetensors file or a torch checkpoint for a factory's module.
        input_shapes: the factory's inputs, as "1,3,224,224" or "1,16:int64".
        input_values: inputs of an ONNX graph that become constants, as "sr=16000".
        input_layout: "nhwc" makes a torch or ONNX image network take channels-last input.
        progress: called with (step, how much is done, how much there is or None).

    Raises:
        SourceError, UnsupportedError, CalibrationError, OutputError: as `convert` does.

    """
    started = time.perf_counter()
    tell = progress or _silent
    destination = Path(output)
    target = target_of(destination)
    floats = Floats.OUTPUTS if io is None or target is Target.ONNX else Floats.INSIDE
    own_io = io_type(Scheme.INT8, io) if target is Target.LITERT else "float"
    if budget_ms is None and bench is not None:
        raise UnsupportedError("Results of a bench go with a budget of milliseconds.")
    if budget_ms is not None and target is Target.ONNX:
        raise UnsupportedError(
            "A budget of milliseconds is for .tflite: the native engine, which has the clock, runs no .onnx."
        )
    latency = None if budget_ms is None else latency_budget(budget_ms, bench)
    terms = _Terms(own_io, floats, per_channel, budget, max_layers)
    recipe_file = destination.with_suffix(".recipe.json") if recipe is None else Path(recipe)
    keep_source(source, destination)
    given = Given(source, example_inputs, weights, input_shapes, input_values, input_layout)
    sample, calibration = peek(calibration, images)
    with (
        tempfile.TemporaryDirectory(prefix="edgequant-") as folder,
        replacing(destination) as written,
        named_for_the_user({written: destination.name, (hub := hub_in(folder, target)): "the float model"}),
        ExitStack() as stack,
    ):
        treating = stack.enter_context(ExitStack())
        treating.enter_context(engine_process())
        latency = None if latency is None else latency.calibrated()
        tell("importing", 0, None)
        network, _ = write_float_hub(given, hub, target, sample)
        tell("reading samples", 0, None)
        inputs = open_model(hub).inputs
        opened = [None if one is None else open_data(one, inputs, images=images) for one in (calibration, data)]
        assert opened[0] is not None
        evidence = gather(opened[0], opened[1], labels, sum(op.macs or 0 for op in read_graph(hub).ops))
        visit = _Visit.begin(hub, target, evidence, terms, latency)
        findings = visit.findings()
        try:
            visit.treat(tell)
        except KeyboardInterrupt:  # which ends the engines' process; what has been kept is good
            tell("interrupted: writing the best so far", 0, None)
            findings += ("It was interrupted: the steps that are not listed were not tried.",)
        treating.close()
        stack.enter_context(engine_process())
        # What is written comes from the recipe's own text, as it will when the recipe is repeated.
        chosen = parse_recipe(visit.recipe().to_text(), recipe_file.name)
        apply_recipe(hub, written, chosen)
        tell("measuring the result", 0, None)
        verdict = visit.verdict(written)
        if target is Target.LITERT:
            carry_attached_files(source, written)
        replace(chosen, sqnr_db=verdict.mended.sqnr_db, measured_on=evidence.measured_on).save(recipe_file)
        return DoctorReport(
            source=network.description,
            output=destination,
            recipe=recipe_file,
            target=target,
            findings=findings,
            steps=tuple(visit.case.steps),
            plain=verdict.plain,
            mended=verdict.mended,
            float_accuracy=verdict.float_accuracy,
            limits=verdict.limits,
            milliseconds=verdict.milliseconds,
            measured_on=evidence.measured_on,
            bytes=written.stat().st_size,
            plain_bytes=visit.plain_bytes,
            source_bytes=hub.stat().st_size,
            off_int8=dict(visit.case.treatment.precision or {}),
            seconds=time.perf_counter() - started,
        )


@dataclass(frozen=True, slots=True)
class _Terms:
    """What the user asked for."""

    io: str
    floats: Floats
    per_channel: bool
    budget: str | int
    max_layers: int

    def __post_init__(self) -> None:
        parse_budget(self.budget, 0)
        if self.max_layers < 0:
            raise UnsupportedError(f"{self.max_layers} is no number of layers: give 0 or more.")


@dataclass(frozen=True, slots=True)
class _Verdict:
    """The figures of a report that are measured at the end."""

    plain: Score
    mended: Score
    float_accuracy: float | None
    limits: tuple[str, ...]
    milliseconds: Milliseconds | None


@dataclass(slots=True)
class _Visit:
    """One hub from plain int8 to its treatment."""

    hub: Path
    target: Target
    evidence: Evidence
    terms: _Terms
    case: Case
    plain: Treatment
    plain_bytes: int
    mixed: list[MixedOutput]
    latency: LatencyBudget | None
    plain_ms: float | None

    @classmethod
    def begin(
        cls, hub: Path, target: Target, evidence: Evidence, terms: _Terms, latency: LatencyBudget | None
    ) -> "_Visit":
        """Measure plain int8. Raises UnsupportedError, SourceError if it is to be timed and cannot be."""
        workshop: Workshop = (
            LitertWorkshop(hub, evidence, terms.io, terms.per_channel, terms.floats)
            if target is Target.LITERT
            else OnnxWorkshop(hub, evidence.calibration, terms.per_channel)
        )
        plain = workshop.plain()
        mixed = []
        if isinstance(workshop, LitertWorkshop):
            mixed = list(mixed_outputs(workshop.network(()), workshop.statistics(())))
        parts = [part for output in mixed for part in output.parts]
        trial = hub.with_name(f"the int8 model{target.suffix}")
        trial.write_bytes(workshop.build(plain))
        plain_ms = None if latency is None else latency.time(trial, workshop.samples[0])
        judge = Judge(hub, evidence.deciding.samples, evidence.deciding.labels, parts)
        fit = Judge(hub, evidence.fit, None, parts)
        case = Case(workshop, fit, judge, trial, plain, judge.measure(trial), _no_tick)
        return cls(hub, target, evidence, terms, case, plain, trial.stat().st_size, mixed, latency, plain_ms)

    def findings(self) -> tuple[str, ...]:
        """Say why plain int8 loses accuracy."""
        workshop = self.case.workshop
        if not isinstance(workshop, LitertWorkshop):
            return ()
        slow: tuple[str, ...] = ()
        if self.latency is not None and self.plain_ms is not None and self.plain_ms > self.latency.milliseconds:
            slow = (
                f"Plain int8 already takes {self.plain_ms:.4g} ms, more than the {self.latency.milliseconds:g} ms of "
                "the budget.",
            )
        return slow + diagnose(self.case, workshop.network(()), workshop.statistics(()), self.mixed)

    def treat(self, tell: Progress) -> None:
        """Try every technique."""
        case = self.case
        litert = isinstance(case.workshop, LitertWorkshop)
        limits = Limits(self.terms.max_layers, parse_budget(self.terms.budget, self.plain_bytes), self.latency)
        kinds = ("int16x8", "float32") if litert else ("float32",)
        may_split = litert and self.terms.floats is not Floats.OUTPUTS
        steps: list[tuple[str, bool, Callable[[], None]]] = [
            ("splitting outputs", may_split, lambda: techniques.split_outputs(case, self.mixed)),
            ("dead channels", litert, lambda: techniques.silence_dead_channels(case)),
            ("equalizing", litert, lambda: techniques.equalize_channels(case)),
            ("saturating operators", litert, lambda: techniques.end_ranges_at_saturation(case)),
            ("choosing ranges", True, lambda: techniques.choose_ranges(case)),
            ("rounding weights", litert, lambda: techniques.round_all_weights(case)),
            ("correcting biases", litert, lambda: techniques.shift_all_biases(case)),
            ("mixing precisions", True, lambda: techniques.mix_precisions(case, kinds, limits, self._good_enough)),
        ]
        wanted = [(name, technique) for name, possible, technique in steps if possible]
        for number, (name, technique) in enumerate(wanted, 1):
            step = f"step {number} of {len(wanted)}, {name}"
            tell(step, 0, None)
            case.tick = partial(tell, step)
            technique()

    def recipe(self) -> Recipe:
        """Return what was decided."""
        treatment = self.case.treatment
        return Recipe(
            target=self.target,
            binding=ByLayers.of(self.hub),
            io=self.terms.io,
            per_channel=self.terms.per_channel,
            edits=treatment.all_edits,
            ranges=treatment.ranges,
            precision=treatment.precision or {},
            floats=self.terms.floats,
        )

    def verdict(self, written: Path) -> "_Verdict":
        """Measure plain int8 and the written model on samples that decided nothing; say what limits the latter."""
        samples, trial, edits = self.evidence.measuring, self.case.file, self.case.treatment.edits
        judge = Judge(self.hub, samples.samples, samples.labels, [p for output in self.mixed for p in output.parts])
        trial.write_bytes(self.case.workshop.build(self.plain))
        plain, mended = judge.measure(trial), judge.measure(written, edits)
        limits = tuple(self._limits(judge, written, mended))
        milliseconds = None
        if self.latency is not None and self.plain_ms is not None:
            now = self.latency.time_if_run(written, self.case.workshop.samples[0])
            milliseconds = Milliseconds(self.latency.milliseconds, self.plain_ms, now)
            limits = (*filter(None, [milliseconds.missed]), *limits)
        return _Verdict(plain, mended, judge.reference.accuracy, limits, milliseconds)

    def _limits(self, judge: Judge, written: Path, mended: Score) -> Iterator[str]:
        """Say what makes a good part of the error that is left, with the SQNR that it alone allows."""
        found = {
            "The number format of the inputs": judge.input_ceiling_db(self.hub, written),
            "The number format of the outputs": judge.ceiling_db(written, self.case.treatment.edits),
        }
        for what, ceiling in found.items():
            share = 10 ** ((mended.sqnr_db - ceiling) / 10)
            if share >= NOTABLE:
                cure = "" if self.terms.io == "float" else "; with --io float the layers at the edge can leave int8"
                yield f"{what} alone allows {ceiling:.1f} dB here, {min(share, 1):.0%} of the error left{cure}."
        if self.target is Target.ONNX:
            return
        wide = self.case.fitted(replace(self.case.treatment, precision=dict.fromkeys(self.plain.ranges, "int16x8")))
        now = self.case.fitted(self.case.treatment)
        if wide is not None and now is not None and wide.sqnr_db > now.sqnr_db:
            yield (
                f"8-bit activations: on calibration samples SQNR is {now.sqnr_db:.1f} dB, with 16-bit ones everywhere "
                f"(--quantize int16x8) and the same int8 weights {wide.sqnr_db:.1f} dB."
            )

    def _good_enough(self) -> str | None:
        score, reference = self.case.score, self.case.held_back.reference
        if score.accuracy is not None and reference.accuracy is not None:
            loss = reference.accuracy - score.accuracy
            return f"int8 is {100 * loss:.2f} points from float" if loss <= ENOUGH_ACCURACY else None
        return f"int8 reaches {score.sqnr_db:.1f} dB" if score.sqnr_db >= ENOUGH_DB else None


def parse_budget(budget: str | int, plain_bytes: int) -> int:
    """Return the largest file allowed, in bytes: "5%" is that much more than `plain_bytes`. Raises UnsupportedError."""
    text = str(budget).strip().replace(",", "").replace("_", "")
    try:
        limit = plain_bytes * (1 + float(text[:-1]) / 100) if text.endswith("%") else float(text)
        limit = -1.0 if text.startswith("-") else limit
    except ValueError:
        limit = -1.0
    if not math.isfinite(limit) or limit < 0:
        raise UnsupportedError(f"'{budget}' is no budget: give a share of the int8 file, 5%, or its bytes, 120000.")
    return int(limit)


def _no_tick(done: int, total: int) -> None:
    pass


def _silent(step: str, done: int, total: int | None) -> None:
    pass
