"""Which engine `engine="auto"` takes for a .tflite model: the one that runs it faster.

The native engine is ahead in int8, and on AArch64 level in float32, 16-bit and dynamic-range layers. Elsewhere LiteRT
is ahead in those: a model with more than a little of them is LiteRT's, where that is installed. A model with something
that the native engine does not have is LiteRT's too. A damaged model is refused.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from edgequant_runtime._errors import EngineError, ModelError
from edgequant_runtime._model_file import ModelFile

from . import OpenedEngine, open_in
from ._library import UnsupportedModelError
from ._native import NativeEngine, NativeModel

if TYPE_CHECKING:
    from edgequant_runtime._shapes import InputShapes

SLOW_SHARE_MOST = 0.003
"""Of a model's work. Set when float layers were loops of plain C, for the point where both engines were level; they
have kernels since, so that a mixed model could have more of them. That was not measured yet."""

SLOW_SHARE_WARNED = 0.023
"""Of a model's work, from which a warning is given."""

LEVEL_IN_FLOAT = ("aarch64", "arm64")
"""Machines, by `uname -m`, on which the native engine is as fast in float32, 16-bit and dynamic-range layers."""


def open_tflite(file: ModelFile, threads: int, input_shapes: InputShapes | None) -> OpenedEngine:
    """Open the model in the engine that suits it; raises EngineError if neither does, ModelError if it is damaged."""
    try:
        model = NativeModel(file)
        native = NativeEngine(model, threads, input_shapes=input_shapes)
    except (UnsupportedModelError, EngineError) as refusal:
        return _fall_back(file, threads, input_shapes, refusal)
    share = _slow_share(model, None)
    if share <= SLOW_SHARE_MOST:
        return OpenedEngine("native", native)
    slow = _slow(file, share)
    try:
        reason = f"{slow}: the engine 'litert' is faster."
        return _told(OpenedEngine("litert", open_in("litert", file, threads, input_shapes), reason))
    except (EngineError, ModelError) as error:  # it is not installed, or does not open the model
        return _told(OpenedEngine("native", native, f"{slow}; {_continued(error)}"))


def preferred_tflite_engines(file: ModelFile, machine: str | None) -> tuple[str, ...]:
    """Return the engines that run the model, the better one first; raises ModelError if it is damaged."""
    try:
        is_made_for = _slow_share(NativeModel(file), machine) <= SLOW_SHARE_MOST
    except (UnsupportedModelError, EngineError):
        return ("litert",)
    return ("native", "litert") if is_made_for else ("litert", "native")


def tflite_slowness(file: ModelFile, machine: str | None) -> str | None:
    """Return a sentence if the native engine would run the model, and much of it slowly."""
    try:
        share = _slow_share(NativeModel(file), machine)
    except (UnsupportedModelError, EngineError):
        return None
    if share < SLOW_SHARE_WARNED:
        return None
    return f"{_slow(file, share)}: quantize all of it to int8, or take the engine 'litert'."


def _slow_share(model: NativeModel, machine: str | None) -> float:
    """Return how much of an inference's work, 0 to 1, other engines do faster on a machine; None: in this process."""
    if machine is None:
        machine = os.uname().machine if sys.maxsize > 2**32 else "32 bits"  # also those of a 64-bit kernel
    fast, floats, slow = model.work()
    return (slow if machine in LEVEL_IN_FLOAT else slow + floats) / max(1, fast + floats + slow)


def _fall_back(file: ModelFile, threads: int, input_shapes: InputShapes | None, refusal: Exception) -> OpenedEngine:
    try:
        return _told(OpenedEngine("litert", open_in("litert", file, threads, input_shapes), str(refusal)))
    except (EngineError, ModelError) as error:
        # Two sentences made one: what the native engine lacks, and what to do about it.
        raise type(error)(f"{str(refusal).rstrip('.')}; and {_continued(error)}") from error


def _slow(file: ModelFile, share: float) -> str:
    return f"{_percent(share)} of the work of {file.name} is in operators at which the engine 'native' is slow"


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
