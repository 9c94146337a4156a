"""The engines, imported only when they are asked for: an engine's module is a row in the table below."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from edgequant_runtime._errors import EngineError
from edgequant_runtime._model_file import FLOAT16, ONNX, TFLITE, ModelFile, at_start, read_model_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgequant_runtime._model_file import Model
    from edgequant_runtime._shapes import InputShapes

    from ._engine import Engine

__all__ = [
    "ENGINES",
    "OpenedEngine",
    "check_tflite",
    "engine_version",
    "model_engines",
    "native_slowness",
    "open_engine",
]


# Each engine's module, with `open_model(file, threads, input_shapes)` and `version()`, and the format that it runs.
ENGINES: dict[str, tuple[str, str]] = {
    "native": ("._native", TFLITE),
    "litert": ("._litert", TFLITE),
    "onnxruntime": ("._onnxruntime", ONNX),
}


on_opening: Callable[[str], object] | None = None
"""Called with an engine's name before it gets a model: if the engine dies of it, somebody knows which it was."""


class OpenedEngine:
    """An engine with a model in it; `fallback_reason` says why "auto" took another engine than the native one."""

    __slots__ = ("engine", "fallback_reason", "imitates_float16", "name")

    def __init__(
        self, name: str, engine: Engine, fallback_reason: str | None = None, imitates_float16: bool = False
    ) -> None:
        self.name, self.engine = name, engine
        self.fallback_reason, self.imitates_float16 = fallback_reason, imitates_float16


def model_engines(model: Model, machine: str | None = None) -> tuple[str, ...]:
    """Return the names of the engines that run this model, installed or not, first the one that "auto" prefers.

    For a .tflite model that is "native" if its operators are all supported and, but on AArch64, hardly any of them are
    float32. `machine` is what a system there calls itself (`uname -m`), as "aarch64"; None: this process's own.
    Raises ModelError if `model`, a path or bytes, is no model.
    """
    file = read_model_file(model)
    if file.format != TFLITE:
        return _engines_for(file)
    from ._choice import preferred_tflite_engines

    return preferred_tflite_engines(file, machine)


def native_slowness(model: Model, machine: str | None = None) -> str | None:
    """Return a sentence if the engine "native" would run a model, a path or bytes, much of it slowly.

    `machine` is that of `model_engines`. None for a model that is fast there, or that this engine does not run. Raises
    ModelError if `model` is no model.
    """
    file = read_model_file(model)
    if file.format != TFLITE:
        return None
    from ._choice import tflite_slowness

    return tflite_slowness(file, machine)


def check_tflite(model: Model) -> None:
    """Raise ModelError, which says why, if a .tflite model, a path or bytes, must not be given to any engine.

    It is so if an offset, a length or an index in it is wrong, in any of its graphs, if a graph runs itself, or if a
    tensor would need more than 1 GiB: LiteRT may crash or never end on such files. Operators that the native engine
    does not have are no reason. Quick: the tables are read, and nothing is prepared to run. A model that is no .tflite
    is none, and passes if it is an .onnx.
    """
    file = read_model_file(model)
    if file.format == TFLITE:
        from ._native import check_structure

        check_structure(file)


def open_engine(
    file: ModelFile, engine: str, threads: int, profile: bool = False, input_shapes: InputShapes | None = None
) -> OpenedEngine:
    """Open the model in the engine, or for "auto" in the one that suits it.

    Raises EngineError if the engine is unknown, runs other models, is not installed or has no profile to give, and
    ModelError if it refuses the model.
    """
    if file.precision == FLOAT16:
        return _open_in_float16(file, engine, threads, profile, input_shapes)
    if engine == "auto":
        engine = _engines_for(file)[0]
        if engine == "native" and not profile:
            from ._choice import open_tflite

            return open_tflite(file, threads, input_shapes)
    elif file.format != _entry(engine)[1]:
        use = " or ".join(repr(name) for name in _engines_for(file))
        raise EngineError(f"{at_start(file.name)} is a .{file.format} model, which '{engine}' does not run: use {use}.")
    if profile:
        return OpenedEngine(engine, _open_with_profile(file, engine, threads, input_shapes))
    return OpenedEngine(engine, open_in(engine, file, threads, input_shapes))


def open_in(engine: str, file: ModelFile, threads: int, input_shapes: InputShapes | None) -> Engine:
    """Open the model in this engine."""
    if on_opening is not None:
        on_opening(engine)
    return cast("Engine", import_module(_entry(engine)[0], __package__).open_model(file, threads, input_shapes))


def engine_version(name: str) -> str:
    """Import an engine and return its distribution and version, such as "ai-edge-litert 2.3.0".

    Raises EngineError if the engine is unknown or not installed.
    """
    return cast("str", import_module(_entry(name)[0], __package__).version())


def _engines_for(file: ModelFile) -> tuple[str, ...]:
    return tuple(name for name, (_, format_) in ENGINES.items() if format_ == file.format)


def _open_in_float16(
    file: ModelFile, engine: str, threads: int, profile: bool, input_shapes: InputShapes | None
) -> OpenedEngine:
    """Open the model in the native engine, which alone has this precision; who asks for it has chosen the engine."""
    if file.format != TFLITE or engine not in ("auto", "native"):
        asked = f"the engine '{engine}'" if file.format == TFLITE else f"a .{file.format} model"
        raise EngineError(
            f"The precision float16 is of the engine 'native' and .tflite models, not of {asked}: leave one out."
        )
    from ._native import NativeEngine, NativeModel, computes_float16

    model = NativeModel(file)
    reasons, is_imitated = [], not computes_float16()
    if is_imitated:
        reasons.append("This CPU has no arithmetic on float16: it is imitated, bit for bit and many times slower.")
    if count := model.layers_past_float16():
        layers = "1 layer has" if count == 1 else f"{count} layers have"
        reasons.append(f"{layers} weights or biases past 65504, float16's largest number: computed with float32.")
    native = NativeEngine(model, threads, profile, input_shapes)
    return OpenedEngine("native", native, " ".join(reasons) or None, is_imitated)


def _open_with_profile(file: ModelFile, engine: str, threads: int, input_shapes: InputShapes | None) -> Engine:
    if engine != "native":
        raise EngineError(f"The engine '{engine}' measures no profile: only 'native' does.")
    from ._native import NativeEngine, NativeModel

    return NativeEngine(NativeModel(file), threads, True, input_shapes)


def _entry(name: str) -> tuple[str, str]:
    if name not in ENGINES:
        raise EngineError(f"There is no engine '{name}': choose from auto, {', '.join(ENGINES)}.")
    return ENGINES[name]
