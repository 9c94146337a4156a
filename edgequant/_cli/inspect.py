"""`edgequant inspect`: what is in a model file, and where it can run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ._output import print_json
from ._sizes import in_binary_units
from ._tables import print_facts, print_table

if TYPE_CHECKING:
    from edgequant_converters.graph import ModelGraph, Tensor

    from edgequant._inspect import BoardFit, Inspection

EXAMPLE = """
**Examples**

`edgequant inspect resnet_int8.tflite`

`edgequant inspect resnet.onnx --ops --tensors --json`
"""

FLOAT_OPS_SHOWN = 8


def inspect(
    model: Annotated[Path, typer.Argument(help="A .tflite or .onnx file.")],
    ops: Annotated[bool, typer.Option("--ops", help="List every operator with its shapes and work.")] = False,
    tensors: Annotated[
        bool, typer.Option("--tensors", help="List every tensor with its quantization parameters.")
    ] = False,
    all_boards: Annotated[
        bool, typer.Option("--all-boards", help="Hold it against every board, not the Raspberry Pis alone.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON (every board is in it).")] = False,
) -> None:
    """Show a model's operators, types, work and memory, and which boards can run it. Nothing is run."""
    from edgequant._inspect import inspect as inspect_model

    found = inspect_model(model)
    if as_json:
        print_json(found.to_dict(ops=ops, tensors=tensors))
        return
    print_facts(_summary(found))
    if ops:
        _print_ops(found.graph)
    if tensors:
        _print_tensors(found.graph)
    _print_boards([board for board in found.boards if all_boards or board.is_raspberry_pi])


def _summary(found: "Inspection") -> list[tuple[str, str]]:
    graph = found.graph
    counts = ", ".join(f"{count} {kind}" for kind, count in graph.op_counts.items())
    rows = [
        ("model", found.path.name),
        ("format", {"litert": "LiteRT (.tflite)", "onnx": "ONNX"}[graph.format]),
        ("file", in_binary_units(graph.file_bytes)),
    ]
    rows += [("input", _io(graph.tensors[i])) for i in graph.inputs]
    rows += [("output", _io(graph.tensors[i])) for i in graph.outputs]
    rows += [
        *([("carries", ", ".join(found.attached))] if found.attached else []),
        ("operators", f"{len(graph.ops)}: {counts}" if graph.ops else "none"),
        ("in float", _float_ops(found)),
        ("MACs", f"{graph.macs:,} per run"),
        ("parameters", f"{graph.parameters:,}"),
        ("weights", f"{in_binary_units(graph.weight_bytes)}{_shares(graph)}"),
        ("activations", f"{in_binary_units(graph.activation_peak_bytes)} at the peak"),
        ("runs with", ", ".join(one.engine for one in found.engines if one.obstacle is None) or "no engine"),
        *(("", one.obstacle) for one in found.engines if one.obstacle is not None),
        *(("warning", one.warning) for one in found.engines if one.warning is not None),
        ("memory", f"about {found.memory_bytes / 2**20:,.0f} MiB to run it, Python and the engine included"),
    ]
    if graph.unknown_shapes:
        rows.append(("note", f"{graph.unknown_shapes} tensors have no known shape: work and memory are lower bounds"))
    return rows


def _print_ops(graph: "ModelGraph") -> None:
    rows = []
    for number, op in enumerate(graph.ops):
        given = [graph.tensors[i] for i in op.inputs]
        # Scales, zero points, shapes and axes would hide what the op works on.
        inputs = ", ".join(_type_and_shape(t) for t in given if t.is_parameter or not t.is_constant)
        outputs = ", ".join(_type_and_shape(graph.tensors[i]) for i in op.outputs)
        macs = f"{op.macs:,}" if op.macs else ""
        rows.append((str(number), op.type, _last(op.name), inputs, outputs, macs))
    print_table("operators", ("#", "type", "name", "inputs", "output"), ("MACs",), rows)


def _print_tensors(graph: "ModelGraph") -> None:
    rows = []
    for number, tensor in enumerate(graph.tensors):
        kind = "weight" if tensor.is_parameter else "constant" if tensor.is_constant else "activation"
        rows.append(
            (
                str(number),
                _last(tensor.name),
                _type_and_shape(tensor),
                kind,
                *_quantization(tensor),
                f"{tensor.bytes:,}",
            )
        )
    print_table("tensors", ("#", "name", "type", "kind", "scale", "zero point"), ("bytes",), rows)


def _print_boards(boards: "list[BoardFit]") -> None:
    rows = []
    for board in boards:
        if board.memory_bytes is None:
            memory = "not known"
        else:
            memory = f"{'fits' if board.memory_fits else 'too small'} ({in_binary_units(board.memory_bytes)})"
        rows.append((board.title, _answer(board.runs), memory, board.engine_note))
    title = "boards, each with its newest system and least memory"
    print_table(title, ("board", "runs it", "memory", "engine"), (), rows)


def _answer(fact: bool | None) -> str:
    return {True: "yes", False: "no", None: "not known"}[fact]


def _io(tensor: "Tensor") -> str:
    scale, zero_point = _quantization(tensor)
    return f"{tensor.name}  {_type_and_shape(tensor)}" + (f"  scale {scale}, zero point {zero_point}" if scale else "")


def _type_and_shape(tensor: "Tensor") -> str:
    if tensor.shape is None:
        return f"{tensor.dtype} of unknown shape"
    return f"{tensor.dtype} " + ("x".join("?" if size < 0 else str(size) for size in tensor.shape) or "scalar")


def _quantization(tensor: "Tensor") -> tuple[str, str]:
    """One scale and zero point, or their ranges over the slices of the quantized axis."""
    if not tensor.scales:
        return "", ""
    zero_points = tensor.zero_points or (0,)
    if len(tensor.scales) == 1:
        return f"{tensor.scales[0]:.6g}", str(zero_points[0])
    scales = (
        f"{min(tensor.scales):.3g} to {max(tensor.scales):.3g} ({len(tensor.scales)} on axis {tensor.quantized_axis})"
    )
    same = min(zero_points) == max(zero_points)
    return scales, str(zero_points[0]) if same else f"{min(zero_points)} to {max(zero_points)}"


def _float_ops(found: "Inspection") -> str:
    floats = found.float_ops()
    if not floats:
        return "none: an integer model"
    if len(floats) == len(found.graph.ops):
        return "all"
    shown = ", ".join(f"{op.type} {_last(op.name)}" for op in floats[:FLOAT_OPS_SHOWN])
    more = f" and {len(floats) - FLOAT_OPS_SHOWN} more" if len(floats) > FLOAT_OPS_SHOWN else ""
    return f"{len(floats)} of {len(found.graph.ops)}: {shown}{more}"


def _shares(graph: "ModelGraph") -> str:
    """Name the types of the trained values, with their shares of the bytes."""
    total = sum(graph.weight_dtypes.values())
    shares = ", ".join(f"{dtype} {size / total:.0%}" for dtype, size in graph.weight_dtypes.items() if size)
    return f" ({shares})" if shares else ""


def _last(name: str) -> str:
    """Shorten the name of fused LiteRT ops, which is the names of all of them, to the last."""
    *earlier, last = name.split(";")
    return f"...{last}" if earlier else last
