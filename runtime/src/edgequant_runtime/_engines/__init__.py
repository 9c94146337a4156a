"""The engines, imported only when they are asked for: an engine's module is a row in the table below."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import cast

from edgequant_runtime._errors import EngineError
from edgequant_runtime._model_file import ONNX, TFLITE, Model, ModelFile, read_model_file

from ._base import Engine

__all__ = ["ENGINES", "Engine", "choose_engine", "engine_version", "model_engines", "open_engine"]


@dataclass(frozen=True)
class EngineEntry:
    """Where an engine lives, and what it runs. Its module has `open_model(file, threads)` and `version()`."""

    module: str
    runs: tuple[str, ...]


# In order of preference: `engine="auto"` takes the first that runs the model.
ENGINES: dict[str, EngineEntry] = {
    "litert": EngineEntry("._litert", runs=(TFLITE,)),
    "onnxruntime": EngineEntry("._onnxruntime", runs=(ONNX,)),
}


def model_engines(model: Model) -> tuple[str, ...]:
    """Return the names of the engines that run this kind of model, installed or not, preferred first.

    Raises ModelError if `model`, a path or bytes, is no model.
    """
    return _engines_for(read_model_file(model))


def _engines_for(file: ModelFile) -> tuple[str, ...]:
    return tuple(name for name, entry in ENGINES.items() if file.format in entry.runs)


def choose_engine(file: ModelFile, engine: str) -> str:
    """Return the engine's name, resolving "auto"; raises EngineError if it is unknown or runs other models."""
    fitting = _engines_for(file)
    if engine == "auto":
        return fitting[0]
    _entry(engine)
    if engine not in fitting:
        raise EngineError(f"{file.name} is a .{file.format} model, which '{engine}' does not run: use '{fitting[0]}'.")
    return engine


def open_engine(name: str, file: ModelFile, threads: int) -> Engine:
    """Open the model; raises EngineError if the engine is not installed, ModelError if it refuses the model."""
    module = import_module(_entry(name).module, __package__)
    return cast(Engine, module.open_model(file, threads))


def engine_version(name: str) -> str:
    """Import an engine and return its distribution and version, such as "ai-edge-litert 2.3.0".

    Raises EngineError if the engine is unknown or not installed.
    """
    return cast(str, import_module(_entry(name).module, __package__).version())


def _entry(name: str) -> EngineEntry:
    if name not in ENGINES:
        raise EngineError(f"There is no engine '{name}': choose from auto, {', '.join(ENGINES)}.")
    return ENGINES[name]
