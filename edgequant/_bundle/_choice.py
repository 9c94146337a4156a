"""Which engine a bundle runs its model with on a target, and why it cannot be made at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgequant._inspect import SYSTEM_BYTES, memory_needed

from ._errors import BundleError
from ._manifest import Wheel
from ._wheels import find_wheels

if TYPE_CHECKING:
    from edgequant_converters.graph import ModelGraph

    from edgequant._targets import Target

InputShapes = Mapping[str, Sequence[int]]

ENGINES = ("auto", "native", "litert", "onnxruntime")

PROGRAM_BYTES = 2**20
"""What edgequant-run takes beside the model's own memory: 0.5 MB were measured, on x86-64."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine, the wheels that bring it (none for the native engine, which is a program), and its memory."""

    engine: str
    wheels: tuple[Wheel, ...]
    memory_bytes: int


def choose(
    model: Path, graph: "ModelGraph", target: "Target", os: str, engine: str, shapes: InputShapes | None = None
) -> Choice:
    """Return how the target runs the model, opened with `shapes`; raises BundleError with the reason if it cannot."""
    from edgequant_runtime import model_engines

    if engine not in ENGINES:
        raise BundleError(f"There is no engine {engine!r}: choose from {', '.join(ENGINES)}.")
    possible = model_engines(model, target.family.machine)
    if engine == "auto":
        choice = _best(model, graph, target, os, possible, shapes)
    elif engine in possible:
        choice = _chosen(model, graph, target, os, engine, shapes)
    else:
        raise BundleError(_refusal(model, graph, engine, possible))
    _check_memory(model, target, choice.memory_bytes)
    return choice


def _best(
    model: Path,
    graph: "ModelGraph",
    target: "Target",
    os: str,
    possible: tuple[str, ...],
    shapes: InputShapes | None,
) -> Choice:
    """Take the first engine that is there on the target; without any, say why the first is not."""
    reasons = []
    for engine in possible:
        try:
            return _chosen(model, graph, target, os, engine, shapes)
        except BundleError as error:
            reasons.append(error)
    if "native" not in possible and graph.format == "litert":
        raise BundleError(f"{_lacking(model)} And LiteRT is no way out: {reasons[0]}")
    raise reasons[0]


def _chosen(
    model: Path, graph: "ModelGraph", target: "Target", os: str, engine: str, shapes: InputShapes | None
) -> Choice:
    if engine == "native":
        return Choice(engine, (), _native_memory(model, graph, shapes))
    return Choice(engine, find_wheels(engine, target, os), memory_needed(graph))


def _native_memory(model: Path, graph: "ModelGraph", shapes: InputShapes | None) -> int:
    """Sum up the program, the mapped file, what the engine allocates, and the copy of the inputs that is kept."""
    from edgequant_runtime import native_memory

    inputs = sum(graph.tensors[index].bytes for index in graph.inputs)
    return PROGRAM_BYTES + graph.file_bytes + sum(native_memory(model, shapes)) + inputs


def _refusal(model: Path, graph: "ModelGraph", engine: str, possible: tuple[str, ...]) -> str:
    if engine == "native" and graph.format == "litert":
        return _lacking(model)
    return f"{model.name} is run by {' or '.join(possible)}, not by {engine}."


def _lacking(model: Path) -> str:
    """Return the native engine's own sentence on what it does not run."""
    from edgequant_runtime import SessionError
    from edgequant_runtime.isolation import current_process

    try:
        current_process().open(model, engine="native", threads=1)
    except SessionError as error:
        return str(error)
    return f"The engine 'native' does not run {model.name}."


def _check_memory(model: Path, target: "Target", needed: int) -> None:
    if target.memory_bytes is None or needed <= target.memory_bytes - SYSTEM_BYTES:
        return
    raise BundleError(
        f"{model.name} needs about {_mib(needed)} of memory, and the smallest {target.title} has "
        f"{_mib(target.memory_bytes)}, of which {_mib(SYSTEM_BYTES)} are the system's: take a smaller model or a board "
        "with more memory."
    )


def _mib(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"
