"""Ways to a computer that runs a model: this one, one over ssh, one that is emulated. One protocol for all."""

from ._base import Finished, Transport, TransportError

__all__ = ["Finished", "Transport", "TransportError"]
