"""Ways to a computer that runs a model: this one, one over ssh, one that is emulated. One protocol for all."""

from ._base import Finished, Transport, TransportError
from ._emulated import EmulatedTransport
from ._faulty import FaultyTransport
from ._local import LocalTransport
from ._ssh import SshTransport

__all__ = [
    "EmulatedTransport",
    "FaultyTransport",
    "Finished",
    "LocalTransport",
    "SshTransport",
    "Transport",
    "TransportError",
]
