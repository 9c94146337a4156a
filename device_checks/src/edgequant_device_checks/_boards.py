"""The boards that can be checked without having one, as data."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from ._cores import IMPLEMENTERS, core_of
from ._device import Cache, Cluster, Device
from ._errors import DeviceCheckError

KB, MB, GB = 2**10, 2**20, 2**30

_A = "fp asimd evtstrm crc32 cpuid"
_B = "fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid"
_C = "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"
_V6 = "half thumb fastmult vfp edsp java tls"
_V7 = "half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt vfpd32 lpae evtstrm"
_SVE = _C + " sve svei8mm svebf16 i8mm bf16"
_I8MM_BF16 = _C + " i8mm bf16"

Caches = tuple[tuple[str, int, int], ...]  # name, bytes of one instance, number of instances
_A53_CACHES: Caches = (("L1d", 32 * KB, 4), ("L1i", 32 * KB, 4), ("L2", 512 * KB, 1))
_A72_CACHES: Caches = (("L1d", 32 * KB, 4), ("L1i", 48 * KB, 4), ("L2", MB, 1))
_A76_CACHES: Caches = (("L1d", 64 * KB, 4), ("L1i", 64 * KB, 4), ("L2", 512 * KB, 4), ("L3", 2 * MB, 1))
_ARM11_CACHES: Caches = (("L1d", 16 * KB, 1), ("L1i", 16 * KB, 1))

# Raspberry Pi OS by its Debian name: Python, glibc.
OS_RELEASES = {"trixie": ("3.13", "2.41"), "bookworm": ("3.11", "2.36"), "bullseye": ("3.9", "2.31")}
DEFAULT_OS = "trixie"


@dataclass(frozen=True)
class Silicon:
    """The processor of one or more boards: features under a 64-bit and a 32-bit system (None: no such), and cores.

    `cores` are (implementer, part, count); a count of 0 means that it differs between the models.
    """

    features64: str | None
    features32: str | None
    cores: tuple[tuple[int, int, int], ...]
    caches: Caches = ()
    revision: tuple[int, int] | None = None


@dataclass(frozen=True)
class Board:
    """A board: its short name, the name it is sold under, other names, and what is known of it.

    `memory_bytes` is that of the smallest model sold, None where it is not known.
    """

    name: str
    title: str
    aliases: tuple[str, ...]
    silicon: Silicon
    max_mhz: float | None = None
    memory_bytes: int | None = None
    is_raspberry_pi: bool = False

    @property
    def word_sizes(self) -> tuple[int, ...]:
        """The userlands it runs, in bits, the better one first."""
        told = ((64, self.silicon.features64), (32, self.silicon.features32))
        return tuple(bits for bits, features in told if features is not None)


_ARM11 = Silicon(None, _V6, ((0x41, 0xB76, 1),), _ARM11_CACHES)
_A7 = Silicon(None, _V7, ((0x41, 0xC07, 4),), (("L2", 512 * KB, 1),))
_A53 = Silicon(_A, _V7 + " crc32", ((0x41, 0xD03, 4),), _A53_CACHES)
_A72 = Silicon(_A, _V7 + " crc32", ((0x41, 0xD08, 4),), _A72_CACHES)
# What every kernel tells a 32-bit program there; newer ones (Linux 6.3) add fphp, asimdhp and asimddp.
_A76 = Silicon(_C, _V7 + " aes pmull sha1 sha2 crc32", ((0x41, 0xD0B, 4),), _A76_CACHES, revision=(4, 1))
_A53_CRYPTO = Silicon(_B, None, ((0x41, 0xD03, 4),))


def _pi(name: str, title: str, aliases: str, silicon: Silicon, mhz: float, memory: int) -> Board:
    return Board(name, f"Raspberry Pi {title}", tuple(aliases.split()), silicon, mhz, memory, is_raspberry_pi=True)


_BOARDS = (
    _pi("pi1", "1", "pi1b rpi1b", _ARM11, 700, 512 * MB),
    _pi("pi-zero", "Zero", "zero pizero0", _ARM11, 1000, 512 * MB),
    _pi("pi-zero-w", "Zero W", "zerow", _ARM11, 1000, 512 * MB),
    _pi("pi2", "2 Model B", "pi2b", _A7, 900, GB),
    _pi("pi2-v1.2", "2 Model B v1.2", "pi2bv1.2", _A53, 900, GB),
    _pi("pi3", "3 Model B", "pi3b", _A53, 1200, GB),
    _pi("pi3b+", "3 Model B+", "pi3+ pi3bplus", _A53, 1400, GB),
    _pi("pi-zero-2-w", "Zero 2 W", "zero2w zero2 pizero2", _A53, 1000, 512 * MB),
    _pi("pi4", "4 Model B", "pi4b", _A72, 1500, GB),
    _pi("pi400", "400", "", _A72, 1800, 4 * GB),
    _pi("cm4", "Compute Module 4", "", _A72, 1500, GB),
    _pi("pi5", "5", "pi5b pi5modelb", _A76, 2400, GB),
    _pi("pi500", "500", "", _A76, 2400, 8 * GB),
    _pi("cm5", "Compute Module 5", "", _A76, 2400, 2 * GB),
    Board("rock5b", "Radxa Rock 5B (RK3588)", ("rk3588",), Silicon(_C, None, ((0x41, 0xD0B, 4), (0x41, 0xD05, 4)))),
    Board(
        "jetson-orin-nano",
        "NVIDIA Jetson Orin Nano",
        ("orin-nano", "orin", "jetson-orin"),
        Silicon(_C + " uscat ilrcpc flagm paca pacg", None, ((0x41, 0xD42, 6),)),
        memory_bytes=8 * GB,
    ),
    Board("imx8m", "NXP i.MX8M", ("i.mx8m",), _A53_CRYPTO),
    Board("coral-dev-board", "Coral Dev Board", ("coral",), _A53_CRYPTO),
    Board("beagleplay", "BeaglePlay", (), _A53_CRYPTO),
    Board("graviton2", "AWS Graviton2 (Neoverse N1)", (), Silicon(_C + " ssbs", None, ((0x41, 0xD0C, 0),))),
    Board("altra", "Ampere Altra (Neoverse N1)", ("ampere-altra",), Silicon(_C + " ssbs", None, ((0x41, 0xD0C, 0),))),
    Board("graviton3", "AWS Graviton3 (Neoverse V1)", (), Silicon(_SVE + " ssbs", None, ((0x41, 0xD40, 0),))),
    Board("graviton4", "AWS Graviton4 (Neoverse V2)", (), Silicon(_SVE + " ssbs sve2", None, ((0x41, 0xD4F, 0),))),
    Board("grace", "NVIDIA Grace (Neoverse V2)", (), Silicon(_SVE + " ssbs sve2", None, ((0x41, 0xD4F, 0),))),
    Board("apple-m1", "Apple M1 (Linux)", ("m1",), Silicon(_C, None, ((0x61, 0x022, 4), (0x61, 0x023, 4)))),
    Board("apple-m2", "Apple M2 (Linux)", ("m2",), Silicon(_I8MM_BF16, None, ((0x61, 0x032, 4), (0x61, 0x033, 4)))),
    Board("snapdragon-x", "Qualcomm Snapdragon X", ("x-elite",), Silicon(_I8MM_BF16, None, ((0x51, 0x001, 0),))),
    Board(
        "cortex-a720",
        "Cortex-A720 and Cortex-A520",
        ("a720", "a520"),
        Silicon(_SVE + " sve2", None, ((0x41, 0xD81, 0), (0x41, 0xD80, 0))),
    ),
    Board(
        "cortex-x925",
        "Cortex-X925 and Cortex-A725",
        ("x925", "a725"),
        Silicon(_SVE + " sve2", None, ((0x41, 0xD85, 0), (0x41, 0xD87, 0))),
    ),
)


def boards() -> tuple[Board, ...]:
    """Return every board, weakest Raspberry Pi first."""
    return _BOARDS


def for_board(name: str, *, word_size: int | None = None, os: str = DEFAULT_OS) -> Device:
    """Return what a board is: `pi4`, `rpi4`, `Raspberry Pi 4`, ... in any spelling; `pi4-32` is its 32-bit system.

    `word_size` (64 or 32 bits) is that of the operating system, by default the better one that the board runs. `os` is
    the release of Raspberry Pi OS (`trixie`, `bookworm`, `bullseye`), which settles Python and glibc; on other boards
    these are not known. Raises DeviceCheckError for an unknown board, naming the closest, and for a system that it does
    not run.
    """
    board, suffix_size = _find(name)
    size = word_size or suffix_size or board.word_sizes[0]
    if size not in board.word_sizes:
        raise DeviceCheckError(
            f"{board.title} is listed with a {board.word_sizes[0]}-bit system only, not a {size}-bit one."
        )
    if os not in OS_RELEASES:
        raise DeviceCheckError(f"{os!r} is not a release of Raspberry Pi OS known here: take {', '.join(OS_RELEASES)}.")
    return _device(board, size, os)


def _device(board: Board, size: int, os: str) -> Device:
    silicon = board.silicon
    features = silicon.features64 if size == 64 else silicon.features32
    python, glibc = OS_RELEASES[os] if board.is_raspberry_pi else (None, None)
    narrow = "armv6l" if silicon is _ARM11 else "armv7l"
    architecture = "aarch64" if size == 64 else narrow
    return Device(
        architecture=architecture,
        word_size=size,
        features=tuple(sorted((features or "").split())),
        clusters=tuple(_cluster(board, *core) for core in silicon.cores),
        model=board.title,
        kernel_architecture=architecture,
        os=f"Raspberry Pi OS ({os}, {size}-bit)" if board.is_raspberry_pi else None,
        libc="glibc" if glibc else None,
        libc_version=glibc,
        python=python,
        memory_bytes=board.memory_bytes,
        caches=tuple(Cache(cache, one, one * count) for cache, one, count in silicon.caches),
        sources={"features": "table of boards", "word_size": "table of boards", "memory_bytes": "smallest model sold"},
    )


def _cluster(board: Board, implementer: int, part: int, count: int) -> Cluster:
    core = core_of(implementer, part)
    variant, revision = board.silicon.revision or (None, None)
    name = core.name if core else f"unknown core {part:#05x}"
    return Cluster(name, count, implementer, part, IMPLEMENTERS[implementer], variant, revision, board.max_mhz)


def _find(name: str) -> tuple[Board, int | None]:
    """Return the board of that name, and the word size that the name ends with, if it does."""
    key, size = _key(name), None
    sized = re.fullmatch(r"(.+?)(64|32)(?:bit)?", key)
    if key not in _BY_KEY and sized and sized.group(1) in _BY_KEY:
        key, size = sized.group(1), int(sized.group(2))
    if key in _BY_KEY:
        return _BY_KEY[key], size
    close = difflib.get_close_matches(key, _BY_KEY, n=1, cutoff=0.4)
    hint = f"did you mean {_BY_KEY[close[0]].name}" if close else f"the boards are {', '.join(b.name for b in _BOARDS)}"
    raise DeviceCheckError(f"There is no board {name!r}: {hint}?" if close else f"There is no board {name!r}: {hint}.")


def _key(name: str) -> str:
    """Reduce the spellings of a name to one: `Raspberry Pi 4 Model B`, `rpi-4` and `RPI4B` share theirs."""
    key = re.sub(r"[^a-z0-9+.]", "", name.lower())
    key = key.replace("raspberrypi", "pi").replace("rpi", "pi").replace("computemodule", "cm").replace("model", "")
    return key[2:] if key.startswith("picm") else key


_BY_KEY = {
    key: board
    for board in _BOARDS
    for spelling in (board.name, board.title, *board.aliases)
    for key in (_key(spelling), _key(spelling.split("(")[0]))
}
