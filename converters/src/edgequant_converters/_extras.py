"""The optional libraries: a missing one is an error that says how to install it."""

from importlib.util import find_spec

from ._errors import UnsupportedError


def how_to_install(extra: str) -> str:
    """Return what gets an extra of edgequant, to end a sentence: it is in no package index, so a checkout has it."""
    return f"in a checkout of edgequant, run: python -m pip install -c constraints.txt '.[{extra}]'"


def require_torch(purpose: str, *beside: str) -> None:
    """Raise UnsupportedError if PyTorch, its exporter or a module `beside` is missing; `purpose` reads "to ..."."""
    if any(find_spec(name) is None for name in ("torch", "onnxscript", *beside)):
        raise UnsupportedError(f"PyTorch is needed {purpose}: {how_to_install('torch')}")
