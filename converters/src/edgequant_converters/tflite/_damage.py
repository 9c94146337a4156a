"""Refuse a .tflite file from someone else that LiteRT would crash or hang on."""

import os
from contextlib import suppress

from edgequant_runtime import EngineError, ModelError, check_tflite

from edgequant_converters._errors import SourceError


def refuse_damaged(path: str | os.PathLike[str]) -> None:
    """Raise SourceError, which names the file, if the native engine's reader finds it damaged: see `check_tflite`."""
    try:
        with suppress(EngineError):  # without the native engine's library LiteRT's own checks must do
            check_tflite(path)
    except ModelError as error:
        raise SourceError(str(error)) from error
