"""What a conversion did, in figures."""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from edgequant_runtime import TensorInfo

from ._choose import Step
from ._detections import DetectionMeasure
from ._measure import Measurement, OutputMeasure
from ._parts import MIXED
from ._schemes import Scheme, Target
from .calibration import InputFacts

LOW_SQNR_DB = 15.0
"""Below this a classifier usually loses accuracy that its users notice."""

FEWEST_FOUND = 0.9
"""Where less than this share of a detector's objects is found, it is told."""

FEWEST_EQUAL = 0.9
"""Where less than this share of an output's whole numbers is equal, it is told."""


@dataclass(frozen=True, slots=True)
class FloatOp:
    """An operator that is not in the number format asked for, and why."""

    type: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class KeptCost:
    """What operators cost that were left in float because int8 would have destroyed something.

    How many they are, by how many bytes the file is larger than with all in int8, and how many of the inference's
    multiply-accumulates and of the values that it computes are theirs.
    """

    operators: int
    bytes: int
    macs: int
    all_macs: int
    values: int
    all_values: int


@dataclass(frozen=True, slots=True)
class ConversionReport:
    """The outcome of `convert`.

    `bytes` is the written file's size and `source_bytes` that of the same network as float32 in the same file format.
    `import_sqnr_db` is the lowest SQNR of the float32 model's outputs against those of the network it was made from.
    `output_measures` has the SQNR of each output and of its parts, in the order of `outputs`; empty if a recipe was
    followed without data. `sqnr_db` is the lowest signal to quantization noise ratio over the outputs, against the
    float32 model, in dB (300: identical; None: an output is not finite); `sqnr_measured_on` says on which inputs,
    `sqnr_output` which output has it. `detections` counts the objects that both models find, if the outputs look like a
    detector's. `choices` are the alternatives that were measured, on calibration samples;
    `data` is what those hold for each input.
    """

    source: str
    output: Path
    target: Target
    quantize: Scheme
    bytes: int
    source_bytes: int
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    import_sqnr_db: float
    float_ops: tuple[FloatOp, ...]
    kept_cost: KeptCost | None
    sqnr_db: float | None
    sqnr_measured_on: str
    sqnr_output: str | None
    output_measures: tuple[OutputMeasure, ...]
    detections: DetectionMeasure | None
    calibration_samples: int
    choices: tuple[Step, ...]
    data: tuple[InputFacts, ...]
    seconds: float
    warnings: tuple[str, ...]

    @property
    def ratio(self) -> float:
        """Written bytes over float32 bytes."""
        return self.bytes / self.source_bytes

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON-ready values; the keys are documented in docs/convert.md."""
        return {
            "source": self.source,
            "output": str(self.output),
            "target": str(self.target),
            "quantize": str(self.quantize),
            "bytes": self.bytes,
            "source_bytes": self.source_bytes,
            "inputs": [_spec_to_dict(spec) for spec in self.inputs],
            "outputs": [
                {**_spec_to_dict(spec), **_measures_to_dict(measure)}
                for spec, measure in zip_longest(self.outputs, self.output_measures[: len(self.outputs)])
            ],
            "float_ops": [{"type": op.type, "name": op.name, "reason": op.reason} for op in self.float_ops],
            "kept_cost": None if self.kept_cost is None else asdict(self.kept_cost),
            "import_sqnr_db": self.import_sqnr_db,
            "sqnr_db": self.sqnr_db,
            "sqnr_measured_on": self.sqnr_measured_on,
            "sqnr_output": self.sqnr_output,
            "detections": None if self.detections is None else asdict(self.detections),
            "calibration_samples": self.calibration_samples,
            "data": [{"name": one.name, "min": one.low, "max": one.high, "mean": one.mean} for one in self.data],
            "choices": [asdict(step) for step in self.choices],
            "seconds": self.seconds,
            "warnings": list(self.warnings),
        }


_REMEDIES = {
    Scheme.FP16: "Fp32 keeps all of it",
    Scheme.BF16: "Fp16 keeps more",
    Scheme.DYNAMIC: "Weight-int8 and fp16 keep more",
    Scheme.INT8: "`edgequant doctor` looks for what loses it; int16x8 and weight-int8 keep activations finer",
    Scheme.INT16X8: "Fp16 keeps more",
    Scheme.WEIGHT_INT8: "Fp16 keeps more",
    Scheme.WEIGHT_INT4: "Weight-int8 and fp16 keep more",
}
"""What loses less. Dynamic range is no remedy for int8: where activations need more than 8 bits, its have no more."""


def warnings_for(
    scheme: Scheme,
    size: int,
    source_size: int,
    measurement: Measurement,
    quantized: bool,
    float_ops: tuple[FloatOp, ...],
    cure: str,
) -> tuple[str, ...]:
    """Return what the user must not overlook, as sentences.

    `quantized`: a weight or an operator is in fewer bits. `cure` is the advice for parts that one scale has destroyed.
    """
    if scheme is Scheme.FP32:
        return tuple(_constants(measurement))
    found = []
    if not quantized:
        found.append(f"Nothing was quantized: {_why_nothing(scheme, float_ops)}.")
    if size > source_size:
        found.append(f"The model grew from {source_size:,} to {size:,} bytes: float32 would be smaller.")
    if measurement.sqnr_db is None:
        found.append("An output is not finite: weights or activations exceed the range of the number format.")
    elif measurement.sqnr_db < LOW_SQNR_DB:
        found.append(
            f"The outputs are far from the float model's: SQNR {measurement.sqnr_db:.1f} dB on "
            f"{measurement.measured_on}. Below {LOW_SQNR_DB:.0f} dB accuracy usually suffers: check it with "
            f"`edgequant compare`. {_REMEDIES[scheme]}."
        )
    return (
        *found,
        *_constants(measurement),
        *_lost_objects(measurement.detections),
        *_other_numbers(scheme, measurement),
        *_lost_parts(measurement, cure),
    )


def _constants(measurement: Measurement) -> Iterator[str]:
    """Name every output of which the samples tell nothing."""
    for output in measurement.outputs:
        if output.constant:
            yield (
                f"The float model's output '{output.name}' never varies over {measurement.measured_on}: how well it is "
                "met says nothing of inputs on which it does. Give samples of those."
            )


def _lost_objects(detections: DetectionMeasure | None) -> Iterator[str]:
    if detections is not None and detections.found < FEWEST_FOUND * detections.reference:
        yield (
            f"Of {detections.reference} objects that the float model finds, {detections.found} are found, and "
            f"{detections.others} others: `edgequant doctor` looks for what loses them."
        )


def _other_numbers(scheme: Scheme, measurement: Measurement) -> Iterator[str]:
    """Name every output of whole numbers that are often others than the float model's.

    Not of a detector, whose objects count instead: where two change places, so do all numbers that follow.
    """
    for output in () if measurement.detections is not None else measurement.outputs:
        if output.equal is not None and output.equal < FEWEST_EQUAL:
            yield (
                f"Of the whole numbers of the output '{output.name}', {output.equal:.1%} equal the float model's on "
                f"{measurement.measured_on}: check it with `edgequant compare`. {_REMEDIES[scheme]}."
            )


def _lost_parts(measurement: Measurement, cure: str) -> Iterator[str]:
    """Name every part of an output that is far from the float model's, the worst first."""
    parts = [
        (-math.inf if part.sqnr_db is None else part.sqnr_db, part, output)
        for output in measurement.outputs
        for part in output.parts
    ]
    for figure, part, output in sorted(parts, key=lambda found: found[0]):
        if figure >= LOW_SQNR_DB:
            continue
        far = f"SQNR {figure:.1f} dB" if math.isfinite(figure) else "not all of it is finite"
        low, high = part.range
        widest = max((other.range for other in output.parts), key=_width)
        mixed = _width(widest) > MIXED * _width(part.range)
        why = f"it shares a scale with values from {widest[0]:.4g} to {widest[1]:.4g}" if mixed else "it lost its steps"
        advice = cure if mixed else "look for the layer with `edgequant compare --layers`, and try `edgequant doctor`"
        yield (
            f"The part '{part.name}' of the output '{output.name}' (values from {low:.4g} to {high:.4g}) is far from "
            f"the float model's: {far}. Probably {why}: {advice}."
        )


def _width(values: tuple[float, float]) -> float:
    return max(values[1], 0.0) - min(values[0], 0.0)


def _why_nothing(scheme: Scheme, float_ops: tuple[FloatOp, ...]) -> str:
    """Return the reasons of the operators that stayed in float, grouped and counted."""
    if not float_ops:
        return f"the network has no weights that {scheme} stores in fewer bits"
    groups = Counter((op.type, op.reason) for op in float_ops)
    return "; ".join(f"{count} {type_}: {reason}" for (type_, reason), count in groups.most_common())


def _measures_to_dict(measure: OutputMeasure | None) -> dict[str, Any]:
    if measure is None:
        return {"sqnr_db": None, "parts": [], "equal": None, "constant": None}
    parts = [
        {
            "name": part.name,
            "range": [end if math.isfinite(end) else None for end in part.range],
            "sqnr_db": part.sqnr_db,
        }
        for part in measure.parts
    ]
    return {"sqnr_db": measure.sqnr_db, "parts": parts, "equal": measure.equal, "constant": measure.constant}


def _spec_to_dict(spec: TensorInfo) -> dict[str, Any]:
    return {
        "name": spec.name,
        "shape": list(spec.shape),
        "dtype": spec.dtype.name,
        "scale": spec.scale,
        "zero_point": spec.zero_point,
    }
