"""Which engine `engine="auto"` takes for a .tflite model: the native one if the model is what it is made for.

A model without int8 operators would run in plain C there, so LiteRT runs it where that is installed. A model with
something that the native engine does not have is LiteRT's too. A damaged model is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgequant_runtime._errors import EngineError
from edgequant_runtime._model_file import ModelFile

from . import OpenedEngine, open_in
from ._library import UnsupportedModelError
from ._native import NativeEngine, NativeModel

if TYPE_CHECKING:
    from edgequant_runtime._shapes import InputShapes


def open_tflite(file: ModelFile, threads: int, input_shapes: InputShapes | None) -> OpenedEngine:
    """Open the model in the engine that suits it; raises EngineError if neither does, ModelError if it is damaged."""
    try:
        model = NativeModel(file)
        if model.is_quantized():
            return OpenedEngine("native", NativeEngine(model, threads, input_shapes=input_shapes))
    except (UnsupportedModelError, EngineError) as refusal:
        return _fall_back(file, threads, input_shapes, refusal)
    try:
        reason = f"{file.name} has no int8 operators, and the engine 'litert' is faster in float32."
        return _told(OpenedEngine("litert", open_in("litert", file, threads, input_shapes), reason))
    except EngineError:  # it is not installed
        return OpenedEngine("native", NativeEngine(model, threads, input_shapes=input_shapes))


def preferred_tflite_engines(file: ModelFile) -> tuple[str, ...]:
    """Return the engines that run the model, the better one first; raises ModelError if it is damaged."""
    try:
        return ("native", "litert") if NativeModel(file).is_quantized() else ("litert", "native")
    except (UnsupportedModelError, EngineError):
        return ("litert",)


def _fall_back(file: ModelFile, threads: int, input_shapes: InputShapes | None, refusal: Exception) -> OpenedEngine:
    try:
        return _told(OpenedEngine("litert", open_in("litert", file, threads, input_shapes), str(refusal)))
    except EngineError as error:
        # Two sentences made one: what the native engine lacks, and what to do about it.
        raise EngineError(f"{str(refusal).rstrip('.')}; and {str(error)[0].lower()}{str(error)[1:]}") from error


def _told(opened: OpenedEngine) -> OpenedEngine:
    import logging  # takes as long as opening a model, and is needed here alone

    logging.getLogger("edgequant_runtime").info("%s", opened.fallback_reason)
    return opened
