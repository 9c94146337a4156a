"""To be described."""

from ._errors import SessionError

__all__ = ["SessionError"]
