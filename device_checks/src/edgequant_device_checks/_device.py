"""What is known of one computer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ._cores import Core, core_of
from ._features import CAPABILITIES
from ._foreign import title_of

ARM_ARCHITECTURES = ("aarch64", "armv7l", "armv6l")
NARROW_PROGRAMS = {"aarch64": "armv7l", "x86_64": "i686"}
"""The 32-bit programs that a 64-bit kernel runs too."""
UNKNOWN_CORE = "unknown core"
_UNNAMED = {"x86_64": "x86-64 processor", "i686": "32-bit x86 processor"}


def unnamed_processor(architecture: str) -> str:
    """Return what to call the cores that no source names."""
    title = title_of(architecture)
    return f"{title} processor" if title else _UNNAMED.get(architecture, UNKNOWN_CORE)


@dataclass(frozen=True)
class Cluster:
    """A group of like cores.

    `implementer` and `part` are the fields of the main identification register (0x41 is Arm; None where not told),
    `variant` and `revision` the rXpY of the silicon, `count` how many logical CPUs the group has (0: not told),
    `max_mhz` their top clock in MHz.
    """

    name: str
    count: int
    implementer: int | None = None
    part: int | None = None
    vendor: str | None = None
    variant: int | None = None
    revision: int | None = None
    max_mhz: float | None = None

    @property
    def core(self) -> Core | None:
        """The entry of the table of core designs, None if the core is not listed."""
        return core_of(self.implementer, self.part)


@dataclass(frozen=True)
class Cache:
    """One level of cache (`L1d`, `L1i`, `L2`, `L3`): bytes of one instance and of all together, None where not told."""

    name: str
    instance_bytes: int | None
    total_bytes: int | None


@dataclass(frozen=True)
class Device:
    """A computer as far as it is known; None stands for what no source told.

    `architecture` is that of the programs (`aarch64`, `armv7l`, `armv6l`, `x86_64`, ...), `word_size` their pointer
    size in bits, and `kernel_architecture` what the kernel calls itself: 32-bit programs on a 64-bit kernel are
    common. Where `word_size` is None, `architecture` is that of the 64-bit programs, and `readings` has both.
    `features` are the kernel's tokens, sorted. `sources` says where facts came from, and `notes` what was odd about
    them, in sentences.
    """

    architecture: str
    word_size: int | None
    features: tuple[str, ...] = ()
    clusters: tuple[Cluster, ...] = ()
    model: str | None = None
    kernel_architecture: str | None = None
    kernel: str | None = None
    system: str = "linux"
    os: str | None = None
    libc: str | None = None
    libc_version: str | None = None
    python: str | None = None
    memory_bytes: int | None = None
    caches: tuple[Cache, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict, hash=False)
    notes: tuple[str, ...] = ()

    @property
    def is_arm(self) -> bool:
        """Whether its programs are ARM programs."""
        return self.architecture in ARM_ARCHITECTURES

    @property
    def readings(self) -> tuple[Device, ...]:
        """What it may be: itself, or the device with 64-bit and the one with 32-bit programs where that is not told."""
        narrow = NARROW_PROGRAMS.get(self.architecture)
        if self.word_size is not None or narrow is None:
            return (self,)
        return replace(self, word_size=64), replace(self, word_size=32, architecture=narrow)

    @property
    def programs(self) -> str:
        """Which programs it runs, in words: `64-bit (aarch64)`, or both kinds where that is not told."""
        return " or ".join(
            one.architecture if one.word_size is None else f"{one.word_size}-bit ({one.architecture})"
            for one in self.readings
        )

    @property
    def capabilities(self) -> dict[str, bool]:
        """Which arithmetic its ARM cores have, by exact token; all False on other computers, whatever their tokens."""
        return {name: self.is_arm and not {*tokens}.isdisjoint(self.features) for name, tokens in CAPABILITIES.items()}

    @property
    def cpu_count(self) -> int:
        """The number of logical CPUs of all clusters."""
        return sum(cluster.count for cluster in self.clusters)

    @property
    def core_names(self) -> str:
        """The names of its cores, such as `Cortex-A76 and Cortex-A55`; its architecture's where no source told them."""
        named = " and ".join(dict.fromkeys(cluster.name for cluster in self.clusters))
        return named or unnamed_processor(self.architecture)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types; the keys are those of the fields, and `capabilities` and `cpu_count`."""
        document = asdict(self)
        document["capabilities"] = self.capabilities
        document["cpu_count"] = self.cpu_count
        return document
