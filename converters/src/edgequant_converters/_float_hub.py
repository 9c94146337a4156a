"""From a trained network to its float hub file: the first step of every conversion."""

import os
from pathlib import Path
from typing import Any

from ._errors import ConverterError, OutputError, SourceError
from ._reason import reason
from ._schemes import Target
from .calibration import SampleFor
from .sources import Given, Source, open_source


def hub_in(folder: str, target: Target) -> Path:
    """Return where in a working folder the hub is written; no file of a user's is called so."""
    return Path(folder, f"edgequant-float{target.suffix}")


def write_float_hub(given: Given, hub: Path, target: Target, sample: SampleFor) -> tuple[Source, float]:
    """Read the network and write it to `hub` as the float32 model of `target`.

    Return it, and the lowest SQNR of the hub's outputs against its own, in dB (300: identical): on a `sample` of the
    user's data, if there is one.

    Raises SourceError and UnsupportedError.
    """
    source = given.source
    try:
        network = open_source(given, sample)
        write = network.write_litert if target is Target.LITERT else network.write_onnx
        return network, write(hub)
    except (ConverterError, OSError, ImportError):
        raise
    except Exception as error:
        # Damaged files fail in any line of any library. A network that is code or an object is no file from a stranger:
        # its traceback is for whoever wrote it.
        if not isinstance(source, (str, os.PathLike)) or not Path(source).exists():
            raise
        raise SourceError(
            f"{Path(source).name} cannot be converted: it is damaged, or holds what edgequant does not expect "
            f"({type(error).__name__}: {reason(error)}); export it again."
        ) from error


def keep_source(source: Any, output: Path) -> None:
    """Raise OutputError if `output` is the source itself, which would be lost."""
    if not isinstance(source, (str, os.PathLike)) or not Path(source).exists():
        return
    if output.exists() and Path(source).samefile(output):
        raise OutputError(f"{output} is the source itself: write to another name, to keep the float network.")
