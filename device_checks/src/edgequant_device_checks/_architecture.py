"""Which programs a computer runs, as against what its kernel or its processor could run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ._cores import ARMV6
from ._device import Cluster
from ._errors import DeviceCheckError
from ._features import architecture_of

_SYNONYMS = {"arm64": "aarch64", "amd64": "x86_64", "i386": "i686", "i586": "i686"}
_32BIT = ("armv7l", "armv6l", "armv8l", "i686")


@dataclass(frozen=True)
class Architecture:
    """`programs` and `kernel` are names as of `uname -m`; `word_size` is that of the programs, in bits."""

    programs: str
    kernel: str | None
    word_size: int
    source: str


def family(architecture: str | None) -> str | None:
    """Return `arm` or `x86` for the architectures of these families, else the architecture itself."""
    if architecture is None:
        return None
    if architecture.startswith(("arm", "aarch64")):
        return "arm"
    return "x86" if architecture.startswith(("x86", "i")) else architecture


def decide_architecture(
    features: Iterable[str], stated: str | None, bits: int | None, clusters: Iterable[Cluster]
) -> Architecture:
    """Weigh the feature tokens, the architecture that lscpu or uname states (the kernel's), and the pointer size.

    The tokens outvote the statement where they are another processor's: lscpu replaying a saved /proc and /sys tree
    states that of the machine it runs on. Raises DeviceCheckError where neither tells anything.
    """
    tokens = frozenset(features)
    stated = _SYNONYMS.get(stated, stated) if stated else None
    betrayed = architecture_of(tokens)
    if stated is None or (betrayed is not None and family(betrayed) != family(stated)):
        stated = betrayed
    if stated is None:
        raise DeviceCheckError(
            "This does not tell the processor's architecture: save the whole of 'LC_ALL=C lscpu' or of /proc/cpuinfo."
        )
    guess = 32 if stated in _32BIT or betrayed in ("arm", "i686") else 64
    return Architecture(
        programs=_programs(stated, tokens, bits or guess, clusters),
        kernel="aarch64" if stated == "armv8l" else None if stated == "arm" else stated,
        word_size=bits or guess,
        source="the feature tokens" if betrayed else "the stated architecture",
    )


def _programs(stated: str, tokens: frozenset[str], bits: int, clusters: Iterable[Cluster]) -> str:
    if family(stated) == "x86":
        return "x86_64" if bits == 64 else "i686"
    if family(stated) != "arm":
        return stated
    if bits == 64:
        return "aarch64"
    is_armv6 = stated == "armv6l" or any(cluster.core and cluster.core.level == ARMV6 for cluster in clusters)
    lacks_armv7 = stated == "arm" and not tokens & {"neon", "vfpv3", "vfpv3d16"}
    return "armv6l" if is_armv6 or lacks_armv7 else "armv7l"
