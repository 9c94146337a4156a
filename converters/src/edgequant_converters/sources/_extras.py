"""The optional libraries: a missing one is an error that says how to install it."""

from importlib.util import find_spec

from edgequant_converters._errors import UnsupportedError


def require_torch(purpose: str) -> None:
    """Raise UnsupportedError if PyTorch or its LiteRT converter is not installed; `purpose` reads "to ..."."""
    if any(find_spec(name) is None for name in ("torch", "litert_torch", "onnxscript")):
        raise UnsupportedError(f"PyTorch is needed {purpose}: pip install 'edgequant[torch]'.")
