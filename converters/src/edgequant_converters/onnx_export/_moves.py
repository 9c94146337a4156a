"""What moves values and computes nothing."""

from collections.abc import Sequence

import numpy as np

from edgequant_converters.ir import Operator

from ._frame import Frame
from ._registry import refuse, writes
from ._writer import Writer

_END = 2**31 - 1
"""A bound behind the last index of any axis."""


@writes("RESHAPE", "SQUEEZE", "EXPAND_DIMS")
def reshape(writer: Writer, operator: Operator) -> None:
    """Write another shape for the same values: the output's, or one that is computed."""
    x, made = operator.given[0], operator.output
    name, shape = writer.value(x), operator.input(1)
    if sum(size < 0 for size in made.shape) > 1:
        if operator.code != "RESHAPE" or shape is None:
            raise refuse(operator, "several free sizes")
        writer.set(made, writer.node("Reshape", [name, writer.indices(shape)], allowzero=1))
    elif 0 in made.shape:
        writer.set(made, writer.node("Reshape", [name, writer.ints(made.shape)], allowzero=1))
    else:
        writer.set(made, writer.reshape(name, made.shape))


@writes("TRANSPOSE")
def transpose(writer: Writer, operator: Operator) -> None:
    """Write another order of the axes, or take the value that has them so already."""
    x, order = operator.given
    if not order.is_constant:
        raise refuse(operator, "a computed order")
    axes = [int(axis) % x.rank for axis in order.values]
    if not writer.alias(operator.output, x, axes):
        writer.set(operator.output, writer.permuted(x, axes))


@writes("CONCATENATION")
def concatenate(writer: Writer, operator: Operator) -> None:
    """Write a join along an axis."""
    frame = Frame(writer, operator.given, operator.output.rank)
    parts = [frame.read(tensor) for tensor in operator.given]
    frame.set(operator.output, writer.node("Concat", parts, axis=frame.axis(operator.options.get("axis", 0))))


@writes("PACK")
def pack(writer: Writer, operator: Operator) -> None:
    """Write a join along a new axis."""
    axis = operator.options.get("axis", 0) % operator.output.rank
    parts = [writer.node("Unsqueeze", [writer.value(tensor), writer.ints([axis])]) for tensor in operator.given]
    writer.set(operator.output, writer.node("Concat", parts, axis=axis))


@writes("UNPACK")
def unpack(writer: Writer, operator: Operator) -> None:
    """Write the slices of an axis."""
    x = operator.given[0]
    axis = operator.options.get("axis", 0) % x.rank
    name = writer.value(x)
    for index, made in enumerate(operator.outputs):
        writer.set(made, writer.node("Gather", [name, writer.constant(np.int64(index))], axis=axis))


@writes("SPLIT", "SPLIT_V")
def split(writer: Writer, operator: Operator) -> None:
    """Write parts of an axis; SPLIT has its axis first, SPLIT_V last, behind the sizes."""
    x, axis = operator.given[0], operator.given[-1]
    if operator.code == "SPLIT":
        axis, x = operator.given
    if not axis.is_constant:
        raise refuse(operator, "a computed axis")
    frame, along = Frame(writer, [x], x.rank), int(axis.values.reshape(-1)[0])
    sizes = [made.shape[along] for made in operator.outputs]
    if min(sizes) < 0:
        raise refuse(operator, "a free size")
    parts = writer.nodes_of("Split", [frame.read(x), writer.ints(sizes)], len(sizes), axis=frame.axis(along))
    for made, part in zip(operator.outputs, parts, strict=True):
        frame.set(made, part)


@writes("SLICE")
def cut(writer: Writer, operator: Operator) -> None:
    """Write a block that begins somewhere and has a size, of which -1 is all that is left."""
    x, begin, size = operator.given
    if begin.is_constant and size.is_constant:
        frame = Frame(writer, [x], x.rank)
        first = [int(value) for value in begin.values]
        ends = [
            _END if n < 0 or b + int(n) == whole else b + int(n)
            for b, n, whole in zip(first, size.values, x.shape, strict=True)
        ]
        _slice(writer, frame, operator, first, ends, [1] * x.rank)
        return
    start, count = writer.indices(begin), writer.indices(size)
    rest = writer.node("Less", [count, writer.constant(np.int64(0))])
    stop = writer.node("Where", [rest, writer.constant(np.int64(_END)), writer.node("Add", [start, count])])
    writer.set(operator.output, writer.node("Slice", [writer.value(x), start, stop]))


@writes("STRIDED_SLICE")
def strided(writer: Writer, operator: Operator) -> None:
    """Write steps through axes; masks say where bounds mean the very end, and which axes go or come."""
    x, begin, end, step = operator.given
    options = operator.options
    if any(options.get(mask) for mask in ("ellipsisMask", "newAxisMask")) or options.get("offset"):
        raise refuse(operator, "an ellipsis or new axes")
    if not all(bound.is_constant for bound in (begin, end, step)):
        raise refuse(operator, "computed bounds")
    steps = [*(int(value) for value in step.values), *[1] * (x.rank - step.size)]
    starts, stops = options.get("beginMask", 0), options.get("endMask", 0)
    begins, ends = [], []
    for place in range(x.rank):
        backwards = steps[place] < 0
        open_start = place >= begin.size or starts >> place & 1
        open_stop = place >= end.size or stops >> place & 1
        begins.append((_END if backwards else 0) if open_start else int(begin.values[place]))
        ends.append((-_END if backwards else _END) if open_stop else int(end.values[place]))
    shrunk = [place for place in range(x.rank) if options.get("shrinkAxisMask", 0) >> place & 1]
    for place in shrunk:
        ends[place] = begins[place] + 1 if begins[place] != -1 else _END
    if not shrunk:
        _slice(writer, Frame(writer, [x], x.rank), operator, begins, ends, steps)
        return
    axes = writer.ints(list(range(x.rank)))
    made = writer.node("Slice", [writer.value(x), writer.ints(begins), writer.ints(ends), axes, writer.ints(steps)])
    writer.set(operator.output, writer.node("Squeeze", [made, writer.ints(shrunk)]))


def _slice(
    writer: Writer, frame: Frame, operator: Operator, begins: Sequence[int], ends: Sequence[int], steps: Sequence[int]
) -> None:
    x = operator.given[0]
    axes = [axis for axis in range(x.rank) if (begins[axis], ends[axis], steps[axis]) != (0, _END, 1)]
    bounds = [[values[axis] for axis in axes] for values in (begins, ends)]
    places, stride = [frame.axis(axis) for axis in axes], [steps[axis] for axis in axes]
    inputs = [frame.read(x), *(writer.ints(values) for values in (*bounds, places, stride))]
    frame.set(operator.output, writer.node("Slice", inputs))


@writes("PAD", "PADV2", "MIRROR_PAD")
def pad(writer: Writer, operator: Operator) -> None:
    """Write padding with a constant, or with what lies at the border, itself repeated (SYMMETRIC) or not."""
    x, amounts = operator.given[:2]
    if not amounts.is_constant:
        raise refuse(operator, "computed amounts")
    frame = Frame(writer, [x], x.rank)
    pads = [*frame.ordered(amounts.values[:, 0]), *frame.ordered(amounts.values[:, 1])]
    inputs, mode = [frame.read(x), writer.ints(pads)], "constant"
    if operator.code == "MIRROR_PAD":
        mode = "reflect"
        if operator.options.get("mode", "REFLECT") == "SYMMETRIC":
            if max(pads) > 1:
                raise refuse(operator, "the mode SYMMETRIC with more than one repeated value")
            mode = "edge"
    elif len(operator.given) > 2:
        inputs.append(writer.reshape(writer.value(operator.given[2]), ()))
    frame.set(operator.output, writer.node("Pad", inputs, mode=mode))


@writes("DILATE")
def dilate(writer: Writer, operator: Operator) -> None:
    """Write a value between all values of axes: each gets an axis of its own, which is padded and joined to it."""
    x, factors, value = operator.given
    if not factors.is_constant or min(x.shape) < 0:
        raise refuse(operator, "a computed or free size")
    steps = [int(factor) for factor in factors.values]
    name = writer.reshape(writer.value(x), [size for pair in zip(x.shape, [1] * x.rank, strict=True) for size in pair])
    behind = [amount for step in steps for amount in (0, step - 1)]
    filling = writer.reshape(writer.value(value), ())
    name = writer.node("Pad", [name, writer.ints([*[0] * len(behind), *behind]), filling])
    name = writer.reshape(name, [size * step for size, step in zip(x.shape, steps, strict=True)])
    bounds = [writer.ints(values) for values in ([0] * x.rank, operator.output.shape)]
    writer.set(operator.output, writer.node("Slice", [name, *bounds]))


@writes("TILE")
def tile(writer: Writer, operator: Operator) -> None:
    """Write repetitions."""
    x, counts = operator.given
    writer.set(operator.output, writer.node("Tile", [writer.value(x), writer.indices(counts)]))


@writes("BROADCAST_TO")
def broadcast(writer: Writer, operator: Operator) -> None:
    """Write repetitions along axes of size 1."""
    x, shape = operator.given
    writer.set(operator.output, writer.node("Expand", [writer.value(x), writer.indices(shape)]))


@writes("REVERSE_V2")
def reverse(writer: Writer, operator: Operator) -> None:
    """Write an axis backwards."""
    x, axes = operator.given
    if not axes.is_constant:
        raise refuse(operator, "computed axes")
    frame = Frame(writer, [x], x.rank)
    places = [frame.axis(int(axis)) for axis in axes.values.reshape(-1)]
    bounds = [writer.ints([bound] * len(places)) for bound in (_END, -_END)]
    inputs = [frame.read(x), *bounds, writer.ints(places), writer.ints([-1] * len(places))]
    frame.set(operator.output, writer.node("Slice", inputs))


@writes("REVERSE_SEQUENCE")
def reverse_sequence(writer: Writer, operator: Operator) -> None:
    """Write sequences backwards, each up to its own length."""
    x, lengths = operator.given
    options = operator.options
    axes = (options.get("seqDim", 0), options.get("batchDim", 0))
    if sorted(axes) != [0, 1]:
        raise refuse(operator, f"time and batch along the axes {axes[0]} and {axes[1]}")
    inputs = [writer.value(x), writer.indices(lengths)]
    writer.set(operator.output, writer.node("ReverseSequence", inputs, time_axis=axes[0], batch_axis=axes[1]))


@writes("DEPTH_TO_SPACE", "SPACE_TO_DEPTH")
def depth_and_space(writer: Writer, operator: Operator) -> None:
    """Write channels as blocks of an image, or back; a block's channels stay together, ONNX's DCR."""
    x, block = operator.given[0], operator.options.get("blockSize", 1)
    if operator.code == "DEPTH_TO_SPACE":
        made = writer.node("DepthToSpace", [writer.first(x)], blocksize=block, mode="DCR")
    else:
        made = writer.node("SpaceToDepth", [writer.first(x)], blocksize=block)
    writer.set(operator.output, made, first=True)


@writes("SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND")
def batch_and_space(writer: Writer, operator: Operator) -> None:
    """Write blocks of an image as images of their own, or back, by reshaping and transposing."""
    x, blocks, amounts = operator.given
    if not (blocks.is_constant and amounts.is_constant) or min(x.shape) < 0:
        raise refuse(operator, "a computed or free size")
    sizes, count = [int(size) for size in blocks.values], blocks.size
    if operator.code == "SPACE_TO_BATCH_ND":
        rest = [0] * (x.rank - 1 - count)
        pads = [0, *amounts.values[:, 0].tolist(), *rest, 0, *amounts.values[:, 1].tolist(), *rest]
        name = writer.node("Pad", [writer.value(x), writer.ints(pads)])
        spatial = [x.shape[1 + i] + int(amounts.values[i].sum()) for i in range(count)]
        parts = [part for size, block in zip(spatial, sizes, strict=True) for part in (size // block, block)]
        name = writer.reshape(name, [x.shape[0], *parts, *x.shape[1 + count :]])
        inner = [2 * i + 2 for i in range(count)]
        outer = [2 * i + 1 for i in range(count)]
        tail = list(range(1 + 2 * count, 1 + 2 * count + x.rank - 1 - count))
        name = writer.transpose(name, [*inner, 0, *outer, *tail])
        writer.set(operator.output, writer.reshape(name, operator.output.shape))
        return
    batch = x.shape[0] // int(np.prod(sizes))
    name = writer.reshape(writer.value(x), [*sizes, batch, *x.shape[1:]])
    mixed = [place for i in range(count) for place in (count + 1 + i, i)]
    tail = list(range(2 * count + 1, count + x.rank))
    name = writer.transpose(name, [count, *mixed, *tail])
    spatial = [x.shape[1 + i] * sizes[i] for i in range(count)]
    name = writer.reshape(name, [batch, *spatial, *x.shape[1 + count :]])
    starts = [int(amounts.values[i, 0]) for i in range(count)]
    stops = [size - int(amounts.values[i, 1]) for i, size in enumerate(spatial)]
    axes = writer.ints(list(range(1, count + 1)))
    writer.set(operator.output, writer.node("Slice", [name, writer.ints(starts), writer.ints(stops), axes]))


@writes("DYNAMIC_UPDATE_SLICE")
def update(writer: Writer, operator: Operator) -> None:
    """Write a block of other values: its places as indices of ScatterND, shifted by where it begins."""
    x, block, begin = operator.given
    grid = np.stack(np.meshgrid(*(np.arange(size) for size in block.shape), indexing="ij"), axis=-1)
    last = np.array(x.shape, np.int64) - np.array(block.shape, np.int64)
    start = writer.node(
        "Min", [writer.node("Max", [writer.indices(begin), writer.ints([0] * x.rank)]), writer.ints(last)]
    )
    places = writer.node("Add", [writer.ints(grid), start])
    writer.set(operator.output, writer.node("ScatterND", [writer.value(x), places, writer.value(block)]))
