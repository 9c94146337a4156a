"""From a float32 .tflite to every other number format: our own quantizer, on the graph of `ir`."""

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from edgequant_converters._request import ActivationWatch, QuantizationRequest, Ranges
from edgequant_converters._schemes import Scheme
from edgequant_converters.calibration import FirstLayer, Rounding
from edgequant_converters.ir import Drafts, Model, Operator, read_ir, write_ir
from edgequant_converters.tflite import ModelT, model_bytes

from ._activations import LitertActivations
from ._as_it_was import differs_from_source
from ._bias import mean_shift
from ._carried import states_of
from ._decide import Decision, decide
from ._functions import function_results, read_through
from ._grids import grid_of
from ._io import IO_TYPES, io_type
from ._lower import CORRECTED, lower
from ._plan import Floats, Outputs, Plan, Wanted
from ._rewrites import write_in_integer_operators
from ._specification import INT8, INT16, OPERATORS
from ._storage import FEW, store_bodies, store_weights
from ._trained import Weight, trained_values

__all__ = [
    "FEW",
    "IO_TYPES",
    "OPERATORS",
    "Decision",
    "Floats",
    "LitertActivations",
    "Weight",
    "decide",
    "first_layer",
    "function_results",
    "functions_read",
    "grid_of",
    "has_integer_form",
    "io_type",
    "layer_inputs",
    "mean_shift",
    "quantize_litert",
    "quantize_with_ranges",
    "read_through",
    "results_of_functions",
    "trained_values",
    "watch_litert",
]

_KINDS = {Scheme.INT8: INT8, Scheme.INT16X8: INT16}
_PRECISIONS = {"int16x8": INT16, "float32": None}


def quantize_litert(
    hub: ModelT,
    output: Path,
    request: QuantizationRequest,
    io: str,
    ranges: Ranges,
    rounding: Rounding | None = None,
    drafts: Drafts | None = None,
) -> dict[str, str]:
    """Write `hub`, a normalised float32 .tflite, to `output` in the requested scheme, which is not float32 itself.

    Returns why operators that have an integer form were left in float, by the names of their outputs.

    `io` is one of IO_TYPES, as `io_type` gives it. `ranges` has (min, max) of every activation, from `watch_litert`,
    for the schemes that need calibration; operators beside a tensor without a range stay in float. `rounding`, of
    the tensors that `layer_inputs` names, corrects the biases. With the `drafts` of other ranges it takes less time.
    """
    kept: dict[str, str] = {}
    model = read_ir(hub) if drafts is None else drafts.read(hub)
    if request.scheme.needs_calibration:
        kind = _KINDS[request.scheme]
        int4 = request.learned is not None and request.learned.weight_bits == 4

        def wanted(operator: Operator) -> str | None:
            if _keeps(request, operator) or (
                request.as_it_was and differs_from_source(operator, model.main, kind, ranges)
            ):
                return None
            return kind

        outputs = Outputs.INTEGER if request.free_outputs else Outputs.ASKED
        plan = _plan(model, io, ranges, wanted, outputs, strict=request.strict or request.learned is not None)
        kept = {tensor.name: reason for operator, reason in plan.kept.items() for tensor in operator.outputs}
        lower(model.main, plan, io, per_channel=request.per_channel, int4=int4, rounding=rounding)
        store_bodies(model, per_channel=request.per_channel, keeps=lambda operator: _keeps(request, operator))
    else:
        store_weights(
            model, request.scheme, per_channel=request.per_channel, keeps=lambda operator: _keeps(request, operator)
        )
    output.write_bytes(write_ir(model) if drafts is None else drafts.write(model))
    return kept


def quantize_with_ranges(
    model: ModelT, io: str, per_channel: bool, ranges: Ranges, precision: Mapping[str, str], floats: Floats
) -> bytes:
    """Return a float `model` in int8, with the given (min, max) of every activation by its tensor's name.

    `precision` says "int16x8" or "float32" for operators, named by an output tensor, that are not to be int8. `io` is
    the type of inputs and outputs, one of int8, uint8, float. `floats`: what of that which int8 would destroy stays.
    """

    def wanted(operator: Operator) -> str | None:
        named = [precision[tensor.name] for tensor in operator.outputs if tensor.name in precision]
        return _PRECISIONS[named[0]] if named else INT8

    graph = read_ir(model)
    outputs = Outputs.INTEGER if floats is Floats.OUTPUTS else Outputs.ASKED
    plan = _plan(graph, io, ranges, wanted, outputs, strict=floats is Floats.NONE)
    lower(graph.main, plan, io, per_channel=per_channel, int4=False)
    return write_ir(graph)


def watch_litert(hub: ModelT, only: Collection[str] | None = None) -> ActivationWatch:
    """Return what runs a float32 .tflite and shows its activations, or `only` those of these names."""
    return LitertActivations(hub, model_bytes(hub), only)


def layer_inputs(hub: ModelT) -> dict[str, tuple[int, int]]:
    """Return the axis that counts channels, and their number, of every tensor whose means correct biases.

    A tensor that two layers divide into channels differently is left out: no means fit both.
    """
    found: dict[str, set[int]] = {}
    for op in read_ir(hub).main.operators:
        if op.code in CORRECTED and len(op.given) > 2 and op.given[1].is_constant:
            channels = op.given[1 if op.code == "FULLY_CONNECTED" else 0].shape[-1]
            found.setdefault(op.given[0].name, set()).add(channels)
    return {name: (-1, next(iter(counts))) for name, counts in found.items() if len(counts) == 1}


def functions_read(hub: ModelT) -> dict[str, str]:
    """Return the function of each tensor that nothing else reads; see `Evidence`."""
    return read_through(read_ir(hub).main)


def results_of_functions(hub: ModelT) -> dict[str, tuple[str, str]]:
    """Return the argument and the function of each tensor that is a function of one that nothing else reads."""
    return function_results(read_ir(hub).main)


def first_layer(hub: ModelT) -> FirstLayer | None:
    """Return the first layer that has a bias; None if none has."""
    for op in read_ir(hub).main.operators:
        if op.code in CORRECTED and len(op.given) > 2 and op.given[1].is_constant and op.given[2].is_constant:
            squares, channels = np.square(op.given[1].values, dtype=np.float64), op.given[1].shape[-1]
            if op.code == "DEPTHWISE_CONV_2D":
                squares, channels = np.moveaxis(squares, -1, 0), 1
            taps = squares.reshape(len(squares), -1, channels).sum(axis=1)
            return FirstLayer(op.given[0].name, taps, op.given[2].values.astype(np.float64).ravel())
    return None


def has_integer_form(operator: str, scheme: Scheme) -> bool:
    """Tell whether an operator has kernels for int8 or int16x8 at all."""
    rule = OPERATORS.get(operator)
    return rule is not None and _KINDS[scheme] in rule.types


def _plan(model: Model, io: str, ranges: Ranges, wanted: Wanted, outputs: Outputs, *, strict: bool) -> Plan:
    write_in_integer_operators(model.main, wanted)
    outputs = Outputs.FLOAT if io == "float" else outputs
    return Plan(model.main, ranges, wanted, outputs, states_of(model), strict=strict)


def _keeps(request: QuantizationRequest, operator: Operator) -> bool:
    names = [tensor.name for tensor in operator.outputs]
    return any(request.keeps_float(operator.custom or operator.code, name) for name in names or [""])
