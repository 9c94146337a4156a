"""To be described."""

from ._errors import DeviceCheckError

__all__ = ["DeviceCheckError"]
