"""Which programs a computer runs, as against what its kernel or its processor could run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ._cores import ARMV6
from ._device import NARROW_PROGRAMS, Cluster
from ._errors import DeviceCheckError
from ._features import architecture_of

_SYNONYMS = {"arm64": "aarch64", "amd64": "x86_64", "i386": "i686", "i586": "i686"}
_32BIT = ("armv7l", "armv6l", "armv8l", "i686", "riscv32")


@dataclass(frozen=True)
class Architecture:
    """`programs` and `kernel` are names as of `uname -m`; `word_size` is that of the programs, in bits.

    A `word_size` of None: not told, and `programs` are then the widest that the kernel runs.
    """

    programs: str
    kernel: str | None
    word_size: int | None
    source: str


def family(architecture: str | None) -> str | None:
    """Return `arm` or `x86` for the architectures of these families, else the architecture itself."""
    if architecture is None:
        return None
    if architecture.startswith(("arm", "aarch64")):
        return "arm"
    return "x86" if architecture in ("x86_64", "i686", "x86") else architecture


def decide_architecture(
    features: Iterable[str], stated: str | None, bits: int | None, clusters: Iterable[Cluster]
) -> Architecture:
    """Weigh the feature tokens, the architecture that lscpu or uname states (the kernel's), and the pointer size.

    The tokens outvote the statement where they are another processor's: lscpu replaying a saved /proc and /sys tree
    states that of the machine it runs on. A kernel of 32 bits runs no other programs, one of 64 bits both kinds, so
    that without the pointer size their word size is not known. Raises DeviceCheckError where nothing tells anything.
    """
    tokens = frozenset(features)
    stated = _SYNONYMS.get(stated, stated) if stated else None
    betrayed = architecture_of(tokens)
    is_told = stated is not None and (betrayed is None or family(betrayed) == family(stated))
    known = stated if is_told else betrayed
    if known is None:
        raise DeviceCheckError(
            "This does not tell the processor's architecture: save the whole of 'LC_ALL=C lscpu' or of /proc/cpuinfo."
        )
    if bits is None and (known in _32BIT or betrayed in ("arm", "i686")):
        bits = 32
    return Architecture(
        programs=_programs(known, tokens, bits, clusters),
        kernel=_kernel(known, is_told),
        word_size=bits,
        source="not told" if bits is None else "the feature tokens" if betrayed else "the stated architecture",
    )


def _kernel(known: str, is_told: bool) -> str | None:
    """Return the kernel's architecture; x86 lists the same tokens under kernels of 32 and 64 bits."""
    if known == "armv8l":
        return "aarch64"
    return None if known == "arm" or (known == "x86_64" and not is_told) else known


def _programs(known: str, tokens: frozenset[str], bits: int | None, clusters: Iterable[Cluster]) -> str:
    if family(known) == "x86":
        return NARROW_PROGRAMS["x86_64"] if bits == 32 else "x86_64"
    if family(known) != "arm":
        return known
    if bits != 32:
        return "aarch64"
    is_armv6 = known == "armv6l" or any(cluster.core and cluster.core.level == ARMV6 for cluster in clusters)
    lacks_armv7 = known == "arm" and not tokens & {"neon", "vfpv3", "vfpv3d16"}
    return "armv6l" if is_armv6 or lacks_armv7 else NARROW_PROGRAMS["aarch64"]
