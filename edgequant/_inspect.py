"""What is in a model file, what it costs to run, and which boards and engines can run it."""

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgequant_converters.graph import ModelGraph, Op, Tensor
    from edgequant_device_checks import Board


PROCESS_BYTES = 64 * 2**20
"""Python, numpy and an engine with a small model: 39 MB (LiteRT) and 54 MB (ONNX Runtime) were measured on x86-64."""

SYSTEM_BYTES = 192 * 2**20
"""What is left to the operating system of a board without a desktop."""


HANDLED_TYPES = frozenset(
    ("float16", "float32", "float64", "bool", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)))
)
"""The types of inputs and outputs that a Session takes and gives."""


@dataclass(frozen=True, slots=True)
class EngineFit:
    """An engine for the model's format, and what keeps it from running the model, in a sentence; None if nothing does.

    The native engine has opened the model; the others' operators, versions and types were looked up. `warning` is a
    sentence on an engine that runs the model, but mostly in slow code.
    """

    engine: str
    obstacle: str | None
    warning: str | None = None


@dataclass(frozen=True, slots=True)
class BoardFit:
    """Whether a board can run the model with its default system and the smallest memory that it is sold with.

    None stands for "not known": the memory of some boards, and the Python and C library of those that are no Pi. Where
    no engine runs the model anywhere, `engine` is None and `engine_installs` False.
    """

    name: str
    title: str
    memory_bytes: int | None
    memory_fits: bool | None
    engine: str | None
    engine_installs: bool | None
    engine_note: str
    is_raspberry_pi: bool

    @property
    def runs(self) -> bool | None:
        """False if memory or engine is known to be missing, None if one of them is not known."""
        facts = (self.memory_fits, self.engine_installs)
        return False if False in facts else None if None in facts else True


@dataclass(frozen=True, slots=True)
class Inspection:
    """A model's graph with the boards held against it."""

    path: Path
    graph: "ModelGraph"
    engines: tuple[EngineFit, ...]
    boards: tuple[BoardFit, ...]
    attached: tuple[str, ...] = ()
    """Names of the files that the model carries, such as its labels."""

    @property
    def memory_bytes(self) -> int:
        """Memory that a process needs to run the model: an estimate, see `memory_needed`."""
        return memory_needed(self.graph)

    def float_ops(self) -> "list[Op]":
        """Return the ops that compute in float."""
        from edgequant_converters.graph import float_ops

        return float_ops(self.graph)

    def to_dict(self, *, ops: bool = False, tensors: bool = False) -> dict[str, Any]:
        """Return the findings as JSON values; the keys are described in docs/inspect.md."""
        graph = self.graph
        document: dict[str, Any] = {
            "model": str(self.path),
            "format": graph.format,
            "bytes": graph.file_bytes,
            "inputs": [_tensor_to_dict(graph.tensors[i]) for i in graph.inputs],
            "outputs": [_tensor_to_dict(graph.tensors[i]) for i in graph.outputs],
            "op_counts": graph.op_counts,
            "float_ops": [{"type": op.type, "name": op.name} for op in self.float_ops()],
            "macs": graph.macs,
            "parameters": graph.parameters,
            "weight_bytes": graph.weight_bytes,
            "weight_dtypes": graph.weight_dtypes,
            "activation_dtypes": graph.activation_dtypes,
            "activation_peak_bytes": graph.activation_peak_bytes,
            "memory_bytes": self.memory_bytes,
            "unknown_shapes": graph.unknown_shapes,
            "attached_files": list(self.attached),
            "engines": [
                {
                    "engine": one.engine,
                    "runs": one.obstacle is None,
                    "obstacle": one.obstacle,
                    "warning": one.warning,
                }
                for one in self.engines
            ],
            "boards": [_board_to_dict(board) for board in self.boards],
        }
        if ops:
            document["ops"] = [_op_to_dict(op, graph) for op in graph.ops]
        if tensors:
            document["tensors"] = [_tensor_to_dict(tensor) for tensor in graph.tensors]
        return document


def inspect(path: str | os.PathLike[str]) -> Inspection:
    """Read a .tflite or .onnx file and hold it against engines and boards; nothing is run.

    Raises SourceError, also for a .tflite that is damaged where only an engine would look.
    """
    from edgequant_converters.graph import read_graph
    from edgequant_converters.tflite import attached_files, refuse_damaged
    from edgequant_device_checks import boards

    graph = read_graph(path)
    if graph.format == "litert":
        refuse_damaged(path)
    engines = judge_engines(Path(path), graph)
    fits = tuple(_fit(board, graph, engines) for board in boards())
    return Inspection(Path(path), graph, engines, fits, attached_files(Path(path)))


def judge_engines(path: Path, graph: "ModelGraph") -> tuple[EngineFit, ...]:
    """Tell of each engine for the model's format whether it runs the model, the one that a session prefers first.

    A file that is too large for the native engine is given to no engine.
    """
    from edgequant_runtime import SessionError
    from edgequant_runtime.isolation import engine_process

    known = ("native", "litert") if graph.format == "litert" else ("onnxruntime",)
    with engine_process() as process:
        try:
            preferred, slowness = process.model_engines(path)
        except SessionError as error:
            return tuple(EngineFit(engine, str(error)) for engine in known)
        ordered = sorted(known, key=lambda engine: preferred.index(engine) if engine in preferred else len(preferred))
        return tuple(
            EngineFit(engine, _obstacle(engine, path, graph), slowness if engine == "native" else None)
            for engine in ordered
        )


def _obstacle(engine: str, path: Path, graph: "ModelGraph") -> str | None:
    from edgequant_converters.graph import read_demands
    from edgequant_runtime import SessionError
    from edgequant_runtime.isolation import current_process

    from edgequant._engine_limits import missing_in_litert, missing_in_onnxruntime

    if engine == "native":
        try:
            current_process().open(path, engine="native", threads=1)
        except SessionError as error:
            return str(error)
        return None
    missing = (missing_in_litert if engine == "litert" else missing_in_onnxruntime)(read_demands(path))
    missing += [
        f"the tensor '{tensor.name}' of type {tensor.dtype}, which a Session does not handle"
        for tensor in (graph.tensors[index] for index in (*graph.inputs, *graph.outputs))
        if tensor.dtype not in HANDLED_TYPES
    ]
    title = {"litert": "LiteRT", "onnxruntime": "ONNX Runtime"}[engine]
    return f"{title} does not run it for {'; '.join(missing)}." if missing else None


def memory_needed(graph: "ModelGraph") -> int:
    """Estimate the bytes of a process that runs the model.

    The sum of the interpreter and engine (PROCESS_BYTES), the file, the engine's packed copy of the weights, and the
    activations. Scratch buffers, the caller's own data and alignment are not in it.
    """
    return PROCESS_BYTES + graph.file_bytes + graph.weight_bytes + graph.activation_peak_bytes


def _fit(board: "Board", graph: "ModelGraph", engines: Iterable[EngineFit]) -> BoardFit:
    memory = board.memory_bytes
    engine, installs, note = _engine_there(board.name, [one.engine for one in engines if one.obstacle is None])
    return BoardFit(
        name=board.name,
        title=board.title,
        memory_bytes=memory,
        memory_fits=None if memory is None else memory_needed(graph) <= memory - SYSTEM_BYTES,
        engine=engine,
        engine_installs=installs,
        engine_note=note,
        is_raspberry_pi=board.is_raspberry_pi,
    )


def _engine_there(board: str, running: list[str]) -> tuple[str | None, bool | None, str]:
    """Return the first engine that runs the model and installs on a board, or else the first; whether; and a note."""
    from edgequant_device_checks import for_board, wheel_for_engine

    if not running:
        return None, False, "no engine runs this model"
    wheels = [(engine, wheel_for_engine(engine, for_board(board))) for engine in running]
    engine, wheel = next((pair for pair in wheels if pair[1].installs), wheels[0])
    note = f"{wheel.package} {wheel.version}" if wheel.installs else f"{wheel.package}: {wheel.reason}"
    return engine, wheel.installs, note


def _board_to_dict(board: BoardFit) -> dict[str, Any]:
    return {
        "name": board.name,
        "title": board.title,
        "runs": board.runs,
        "memory_bytes": board.memory_bytes,
        "memory_fits": board.memory_fits,
        "engine": board.engine,
        "engine_installs": board.engine_installs,
        "engine_note": board.engine_note,
    }


def _op_to_dict(op: "Op", graph: "ModelGraph") -> dict[str, Any]:
    return {
        "type": op.type,
        "name": op.name,
        "macs": op.macs,
        "inputs": [graph.tensors[i].name for i in op.inputs],
        "outputs": [graph.tensors[i].name for i in op.outputs],
    }


def _tensor_to_dict(tensor: "Tensor") -> dict[str, Any]:
    """One scale stands alone; several come as lists."""
    return {
        "name": tensor.name,
        "shape": None if tensor.shape is None else list(tensor.shape),
        "dtype": tensor.dtype,
        "bytes": tensor.bytes,
        "constant": tensor.is_constant,
        "scale": _alone(_finite(tensor.scales)),
        "zero_point": _alone(tensor.zero_points),
        "quantized_axis": tensor.quantized_axis,
    }


def _alone(values: Iterable[Any]) -> Any:
    listed = list(values)
    return listed[0] if len(listed) == 1 else listed or None


def _finite(values: Iterable[float]) -> list[float | None]:
    """JSON has no NaN or infinity; a damaged model may have them as scales."""
    return [value if math.isfinite(value) else None for value in values]
