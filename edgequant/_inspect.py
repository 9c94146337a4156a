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


@dataclass(frozen=True, slots=True)
class BoardFit:
    """Whether a board can run the model with its default system and the smallest memory that it is sold with.

    None stands for "not known": the memory of some boards, and the Python and C library of those that are no Pi.
    """

    name: str
    title: str
    memory_bytes: int | None
    memory_fits: bool | None
    engine: str
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
    boards: tuple[BoardFit, ...]

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
            "boards": [_board_to_dict(board) for board in self.boards],
        }
        if ops:
            document["ops"] = [_op_to_dict(op, graph) for op in graph.ops]
        if tensors:
            document["tensors"] = [_tensor_to_dict(tensor) for tensor in graph.tensors]
        return document


def inspect(path: str | os.PathLike[str]) -> Inspection:
    """Read a .tflite or .onnx file and hold it against the boards; nothing is run. Raises SourceError."""
    from edgequant_converters.graph import read_graph
    from edgequant_device_checks import boards

    graph = read_graph(path)
    engine = _engine(path, graph)
    return Inspection(Path(path), graph, tuple(_fit(board, graph, engine) for board in boards()))


def _engine(path: str | os.PathLike[str], graph: "ModelGraph") -> str:
    """Return the engine that a session takes for the model."""
    from edgequant_runtime import SessionError, model_engines

    try:
        return model_engines(path)[0]
    except SessionError:  # the graph can be read all the same
        return {"litert": "litert", "onnx": "onnxruntime"}[graph.format]


def memory_needed(graph: "ModelGraph") -> int:
    """Estimate the bytes of a process that runs the model.

    The sum of the interpreter and engine (PROCESS_BYTES), the file, the engine's packed copy of the weights, and the
    activations. Scratch buffers, the caller's own data and alignment are not in it.
    """
    return PROCESS_BYTES + graph.file_bytes + graph.weight_bytes + graph.activation_peak_bytes


def _fit(board: "Board", graph: "ModelGraph", engine: str) -> BoardFit:
    from edgequant_device_checks import for_board, wheel_for_engine

    wheel = wheel_for_engine(engine, for_board(board.name))
    memory = board.memory_bytes
    return BoardFit(
        name=board.name,
        title=board.title,
        memory_bytes=memory,
        memory_fits=None if memory is None else memory_needed(graph) <= memory - SYSTEM_BYTES,
        engine=engine,
        engine_installs=wheel.installs,
        engine_note=f"{wheel.package} {wheel.version}" if wheel.installs else f"{wheel.package}: {wheel.reason}",
        is_raspberry_pi=board.is_raspberry_pi,
    )


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
