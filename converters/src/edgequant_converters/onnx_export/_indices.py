"""What chooses values by indices, and what makes indices and shapes."""

import numpy as np

from edgequant_converters.ir import Operator

from ._registry import refuse, writes
from ._writer import Writer


@writes("GATHER")
def gather(writer: Writer, operator: Operator) -> None:
    """Write slices of an axis by their numbers, for each of the first axes its own if these are a batch."""
    x, indices = operator.given
    batch, axis = operator.options.get("batchDims", 0), operator.options.get("axis", 0) % x.rank
    places = (
        writer.value(indices) if indices.type in ("INT32", "INT64") else writer.cast(writer.value(indices), "INT32")
    )
    if batch % max(indices.rank, 1) == 0:
        writer.set(operator.output, writer.node("Gather", [writer.value(x), places], axis=axis))
        return
    if axis != batch % indices.rank:
        raise refuse(operator, "an axis behind its batch's")
    rows = writer.node("Unsqueeze", [writer.indices(indices), writer.ints([-1])])
    writer.set(operator.output, writer.node("GatherND", [writer.value(x), rows], batch_dims=batch % indices.rank))


@writes("GATHER_ND")
def gather_nd(writer: Writer, operator: Operator) -> None:
    """Write slices by their places."""
    x, places = operator.given
    writer.set(operator.output, writer.node("GatherND", [writer.value(x), writer.indices(places)]))


@writes("SCATTER_ND")
def scatter(writer: Writer, operator: Operator) -> None:
    """Write zeros to which values are added at places: what falls on one place is summed."""
    places, values, shape = operator.given
    zero = writer.constant(np.zeros((), operator.output.dtype))
    empty = writer.node("Expand", [zero, writer.indices(shape)])
    inputs = [empty, writer.indices(places), writer.value(values)]
    writer.set(operator.output, writer.node("ScatterND", inputs, reduction="add"))


_SEGMENTS = {
    "UNSORTED_SEGMENT_MAX": "max", "UNSORTED_SEGMENT_MIN": "min", "UNSORTED_SEGMENT_PROD": "mul",
    "UNSORTED_SEGMENT_SUM": "add",
}  # fmt: skip


@writes(*_SEGMENTS)
def segments(writer: Writer, operator: Operator) -> None:
    """Write what rows of the same number come to, and the neutral value where there is none."""
    x, numbers, _ = operator.given
    kind = operator.output.dtype
    limits = np.finfo(kind) if kind.kind == "f" else np.iinfo(kind)
    neutral = {"max": limits.min, "min": limits.max, "mul": 1, "add": 0}[_SEGMENTS[operator.code]]
    start = writer.constant(np.full(operator.output.shape, neutral, kind))
    rows = writer.node("Unsqueeze", [writer.indices(numbers), writer.ints([-1])])
    made = writer.node("ScatterND", [start, rows, writer.value(x)], reduction=_SEGMENTS[operator.code])
    writer.set(operator.output, made)


@writes("VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "CALL_ONCE")
def variable(writer: Writer, operator: Operator) -> None:
    """Refuse a state that stays between inferences."""
    raise refuse(operator, "ONNX keeps no state between inferences: pass it as an input and an output")


@writes("TOPK_V2")
def top(writer: Writer, operator: Operator) -> None:
    """Write the largest values of the last axis and where they lie."""
    x, count = operator.given
    k = writer.reshape(writer.indices(count), (1,))
    values, places = writer.nodes_of("TopK", [writer.value(x), k], 2, axis=-1, largest=1, sorted=1)
    writer.set(operator.outputs[0], values)
    writer.set(operator.outputs[1], writer.cast(places, operator.outputs[1].type))


@writes("ONE_HOT")
def one_hot(writer: Writer, operator: Operator) -> None:
    """Write a new axis with one value where the index says and another elsewhere.

    Not as OneHot, which counts negative indices from the back, and which ONNX Runtime has for few types.
    """
    indices, depth, on, off = operator.given
    axis = operator.options.get("axis", -1) % operator.output.rank
    bounds = [writer.constant(np.int64(0)), writer.reshape(writer.indices(depth), ()), writer.constant(np.int64(1))]
    numbers = writer.reshape(writer.node("Range", bounds), (-1, *[1] * (operator.output.rank - 1 - axis)))
    places = writer.node("Unsqueeze", [writer.indices(indices), writer.ints([axis])])
    chosen = writer.node("Equal", [places, numbers])
    writer.set(operator.output, writer.node("Where", [chosen, writer.value(on), writer.value(off)]))


@writes("WHERE")
def where(writer: Writer, operator: Operator) -> None:
    """Write the places of what is not zero, a row each."""
    found = writer.node("NonZero", [writer.value(operator.given[0])])
    writer.set(operator.output, writer.transpose(found, (1, 0)))


@writes("SHAPE", "RANK")
def shape(writer: Writer, operator: Operator) -> None:
    """Write a shape, or how many sizes it has."""
    x = operator.given[0]
    if operator.code == "RANK":
        writer.set(operator.output, writer.constant(np.int32(x.rank)))
        return
    made = writer.node("Shape", [writer.value(x)])
    kind = operator.output.type
    writer.set(operator.output, made if kind == "INT64" else writer.cast(made, kind))


@writes("FILL")
def fill(writer: Writer, operator: Operator) -> None:
    """Write one value in a shape."""
    sizes, value = operator.given
    writer.set(operator.output, writer.node("Expand", [writer.value(value), writer.indices(sizes)]))


@writes("RANGE")
def count_up(writer: Writer, operator: Operator) -> None:
    """Write numbers from a first to before a last in steps."""
    bounds = [writer.reshape(writer.value(bound), ()) for bound in operator.given]
    writer.set(operator.output, writer.node("Range", bounds))


@writes("NON_MAX_SUPPRESSION_V4")
def suppress(writer: Writer, operator: Operator) -> None:
    """Write a suppression of boxes: ONNX gives those that stay, LiteRT as many rows as may, and their number."""
    boxes, scores, most, overlap, least = operator.given
    if not most.is_constant:
        raise refuse(operator, "a computed number of boxes")
    count = int(most.values.reshape(-1)[0])
    rows = writer.node("Unsqueeze", [writer.value(boxes), writer.ints([0])])
    columns = writer.node("Unsqueeze", [writer.value(scores), writer.ints([0, 1])])
    limits = [writer.reshape(writer.value(limit), (1,)) for limit in (overlap, least)]
    kept = writer.node("NonMaxSuppression", [rows, columns, writer.ints([count]), *limits])
    chosen = writer.node("Gather", [kept, writer.constant(np.int64(2))], axis=1)
    number = writer.node("Shape", [chosen])
    missing = writer.node("Sub", [writer.ints([count]), number])
    filled = writer.node("Pad", [chosen, writer.node("Concat", [writer.ints([0]), missing], axis=0)])
    writer.set(operator.outputs[0], writer.cast(filled, "INT32"))
    writer.set(operator.outputs[1], writer.cast(writer.reshape(number, ()), "INT32"))
