"""Sums, means, extremes and where these lie, normalisations, running sums."""

import numpy as np

from edgequant_converters.ir import Operator

from ._frame import Frame
from ._registry import refuse, writes
from ._writer import Writer

_REDUCTIONS = {
    "MEAN": "ReduceMean", "SUM": "ReduceSum", "REDUCE_MAX": "ReduceMax", "REDUCE_MIN": "ReduceMin",
    "REDUCE_PROD": "ReduceProd", "REDUCE_ANY": "ReduceMax", "REDUCE_ALL": "ReduceMin",
}  # fmt: skip


@writes(*_REDUCTIONS)
def reduction(writer: Writer, operator: Operator) -> None:
    """Write a reduction over constant axes; of truths as one of 0 and 1."""
    x, axes = operator.given[:2]
    if not axes.is_constant:
        raise refuse(operator, "computed axes")
    frame, keep = Frame(writer, [x], x.rank), bool(operator.options.get("keepDims", False))
    places = sorted({frame.axis(int(axis)) for axis in axes.values.reshape(-1)})
    if not keep and not _stays_in_order(x.rank, places, first=frame.first):
        frame.first, name = False, writer.value(x)
        places = sorted({int(axis) % x.rank for axis in axes.values.reshape(-1)})
    else:
        name = frame.read(x)
    is_truth = x.type == "BOOL"
    value = writer.cast(name, "INT32") if is_truth else name
    made = writer.node(_REDUCTIONS[operator.code], [value, writer.ints(places)], keepdims=int(keep))
    made = writer.cast(made, "BOOL") if is_truth else made
    if keep:
        frame.set(operator.output, made)
    else:
        writer.set(operator.output, made)


def _stays_in_order(rank: int, reduced: list[int], *, first: bool) -> bool:
    """Tell whether what a reduction leaves has its axes in LiteRT's order: the channels alone, or no channels."""
    left = [place for place in range(1, rank) if place not in reduced]
    return not first or 1 not in left or left == [1]


@writes("ARG_MAX", "ARG_MIN")
def where_extreme(writer: Writer, operator: Operator) -> None:
    """Write the place of the first largest or smallest value along an axis."""
    x, axis = operator.given[:2]
    if not axis.is_constant:
        raise refuse(operator, "a computed axis")
    op_type = "ArgMax" if operator.code == "ARG_MAX" else "ArgMin"
    made = writer.node(op_type, [writer.value(x)], axis=int(axis.values.reshape(-1)[0]), keepdims=0)
    writer.set(operator.output, made if operator.output.type == "INT64" else writer.cast(made, operator.output.type))


@writes("CUMSUM")
def running_sum(writer: Writer, operator: Operator) -> None:
    """Write a running sum along an axis."""
    x, axis = operator.given[:2]
    made = writer.node(
        "CumSum", [writer.value(x), writer.value(axis)], exclusive=int(operator.options.get("exclusive", False)),
        reverse=int(operator.options.get("reverse", False)),
    )  # fmt: skip
    writer.set(operator.output, made)


@writes("SOFTMAX", "LOG_SOFTMAX")
def softmax(writer: Writer, operator: Operator) -> None:
    """Write a softmax over the last axis."""
    x = operator.given[0]
    frame, beta = Frame(writer, [x], x.rank), float(operator.options.get("beta", 1.0))
    name = frame.read(x)
    if operator.code == "SOFTMAX" and beta not in (0.0, 1.0):
        name = writer.node("Mul", [name, writer.constant(np.float32(beta))])
    op_type = "Softmax" if operator.code == "SOFTMAX" else "LogSoftmax"
    frame.set(operator.output, writer.node(op_type, [name], axis=frame.axis(-1)))


@writes("L2_NORMALIZATION")
def to_unit_length(writer: Writer, operator: Operator) -> None:
    """Write x / max(|x|, 1e-6) along the last axis, as LiteRT bounds it."""
    x = operator.given[0]
    frame = Frame(writer, [x], x.rank)
    name = frame.read(x)
    length = writer.node("ReduceL2", [name, writer.ints([frame.axis(-1)])], keepdims=1)
    bounded = writer.node("Max", [length, writer.constant(np.float32(1e-6))])
    frame.set(operator.output, writer.node("Div", [name, bounded]))
