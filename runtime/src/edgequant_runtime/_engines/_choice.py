"""Which engine `engine="auto"` takes for a .tflite model: the one that runs it faster.

The native engine has kernels for int8. Float32 it computes in plain C, where a multiplication takes tens of times as
long as in LiteRT: a model with more than a little of that is LiteRT's, where that is installed. A model with something
that the native engine does not have is LiteRT's too. A damaged model is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgequant_runtime._errors import EngineError, ModelError
from edgequant_runtime._model_file import ModelFile

from . import OpenedEngine, open_in
from ._library import UnsupportedModelError
from ._native import NativeEngine, NativeModel

if TYPE_CHECKING:
    from edgequant_runtime._shapes import InputShapes

PLAIN_SHARE_MOST = 0.003
"""Of a model's work. ResNet-8 on x86-64, one thread: 0.27 ms in int8 and 13 ms in plain C, LiteRT 0.44 and 0.40 ms:
both take the same time with 1.4 % in plain C; as many instructions with 0.9 % on a Pi 4, 0.6 % on a Pi 5."""

PLAIN_SHARE_SLOW = 0.023
"""Of a model's work, from which the native engine spends most of its time in plain C: that takes 40 to 50 times as long
(keyword spotting 60, ResNet-8 48, MobileNet 40), as measured for docs/native.md."""


def open_tflite(file: ModelFile, threads: int, input_shapes: InputShapes | None) -> OpenedEngine:
    """Open the model in the engine that suits it; raises EngineError if neither does, ModelError if it is damaged."""
    try:
        model = NativeModel(file)
        native = NativeEngine(model, threads, input_shapes=input_shapes)
    except (UnsupportedModelError, EngineError) as refusal:
        return _fall_back(file, threads, input_shapes, refusal)
    share = model.plain_share()
    if share <= PLAIN_SHARE_MOST:
        return OpenedEngine("native", native)
    slow = _slow(file, share)
    try:
        reason = f"{slow}: the engine 'litert' is faster."
        return _told(OpenedEngine("litert", open_in("litert", file, threads, input_shapes), reason))
    except (EngineError, ModelError) as error:  # it is not installed, or does not open the model
        return _told(OpenedEngine("native", native, f"{slow}, and so slowly; {_continued(error)}"))


def preferred_tflite_engines(file: ModelFile) -> tuple[str, ...]:
    """Return the engines that run the model, the better one first; raises ModelError if it is damaged."""
    try:
        is_made_for = NativeModel(file).plain_share() <= PLAIN_SHARE_MOST
    except (UnsupportedModelError, EngineError):
        return ("litert",)
    return ("native", "litert") if is_made_for else ("litert", "native")


def tflite_slowness(file: ModelFile) -> str | None:
    """Return a sentence if the native engine would run the model, and mostly in plain C."""
    try:
        share = NativeModel(file).plain_share()
    except (UnsupportedModelError, EngineError):
        return None
    if share < PLAIN_SHARE_SLOW:
        return None
    return f"{_slow(file, share)}, and so slowly: quantize all of it to int8, or take the engine 'litert'."


def _fall_back(file: ModelFile, threads: int, input_shapes: InputShapes | None, refusal: Exception) -> OpenedEngine:
    try:
        return _told(OpenedEngine("litert", open_in("litert", file, threads, input_shapes), str(refusal)))
    except (EngineError, ModelError) as error:
        # Two sentences made one: what the native engine lacks, and what to do about it.
        raise type(error)(f"{str(refusal).rstrip('.')}; and {_continued(error)}") from error


def _slow(file: ModelFile, share: float) -> str:
    return f"{_percent(share)} of the work of {file.name} is float32, which the engine 'native' computes in plain C"


def _percent(share: float) -> str:
    return f"{max(1, round(100 * share))} %"


def _continued(error: Exception) -> str:
    """Return a sentence as the end of another; LiteRT is a name."""
    text = str(error)
    return text if text.startswith("LiteRT") else f"{text[0].lower()}{text[1:]}"


def _told(opened: OpenedEngine) -> OpenedEngine:
    import logging  # takes as long as opening a model, and is needed here alone

    logging.getLogger("edgequant_runtime").info("%s", opened.fallback_reason)
    return opened
