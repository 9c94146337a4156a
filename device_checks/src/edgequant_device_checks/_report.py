"""What one description of a processor (lscpu, /proc/cpuinfo, sysctl) tells."""

from __future__ import annotations

from dataclasses import dataclass

from ._device import Cache, Cluster


@dataclass(frozen=True)
class CpuReport:
    """The facts of one description of a processor, before several of them are joined to a device.

    `architecture` is the one stated there, often the kernel's; `board` the name of the computer, where it is given.
    `runs_64bit_alone`: the kernel refuses 32-bit programs, so that those there are have 64 bits.
    """

    origin: str
    architecture: str | None = None
    features: tuple[str, ...] = ()
    clusters: tuple[Cluster, ...] = ()
    caches: tuple[Cache, ...] = ()
    board: str | None = None
    notes: tuple[str, ...] = ()
    runs_64bit_alone: bool = False
