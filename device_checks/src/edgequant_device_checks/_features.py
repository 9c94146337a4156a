"""Feature tokens: their names, how the kernel packs them in HWCAP, and which architecture they betray.

The tokens of each word stand in the order of their bits, as in the kernel's `arch/arm64/include/uapi/asm/hwcap.h` and
`arch/arm/include/uapi/asm/hwcap.h`; /proc/cpuinfo prints them in that same order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

AT_HWCAP = 16
AT_HWCAP2 = 26


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ARM64_HWCAP = _words(
    "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm jscvt fcma lrcpc "
    "dcpop sha3 sm3 sm4 asimddp sha512 sve asimdfhm dit uscat ilrcpc flagm ssbs sb paca pacg"
)
ARM64_HWCAP2 = _words(
    "dcpodp sve2 sveaes svepmull svebitperm svesha3 svesm4 flagm2 frint svei8mm svef32mm svef64mm svebf16 i8mm bf16 "
    "dgh rng bti mte ecv afp rpres mte3 sme smei16i64 smef64f64 smei8i32 smef16f32 smeb16f32 smef32f32 smefa64 wfxt "
    "ebf16 sveebf16 cssc rprfm sve2p1 sme2 sme2p1 smei16i32 smebi32i32 smeb16b16 smef16f16 mops hbc sveb16b16 lrcpc3 "
    "lse128 fpmr lut faminmax f8cvt f8fma f8dp4 f8dp2 f8e4m3 f8e5m2 smelutv2 smef8f16 smef8f32 smesf8fma smesf8dp4 "
    "smesf8dp2 poe"
)
ARM32_HWCAP = _words(
    "swp half thumb 26bit fastmult fpa vfp edsp java iwmmxt crunch thumbee neon vfpv3 vfpv3d16 tls "
    "vfpv4 idiva idivt vfpd32 lpae evtstrm fphp asimdhp asimddp asimdfhm asimdbf16 i8mm"
)
ARM32_HWCAP2 = _words("aes pmull sha1 sha2 crc32 sb ssbs")

ARM64_TOKENS = frozenset(ARM64_HWCAP + ARM64_HWCAP2)
ARM32_TOKENS = frozenset(ARM32_HWCAP + ARM32_HWCAP2)
_X86_MARKS = frozenset(_words("fpu vme de pse tsc msr sse sse2 avx avx2"))
_ARM32_MARKS = frozenset(_words("half thumb fastmult vfp edsp neon"))
_PRINT_ORDER = {token: rank for rank, token in enumerate(ARM64_HWCAP + ARM64_HWCAP2)}
_PRINT_ORDER.update({token: rank for rank, token in enumerate(ARM32_HWCAP) if token not in _PRINT_ORDER})

# What separates the classes of ARM computers, by exact token; svebf16, ebf16, asimdbf16 and avx512_bf16 are others.
CAPABILITIES = {
    "neon": ("asimd", "neon"),
    "fp16": ("asimdhp",),
    "dotprod": ("asimddp",),
    "i8mm": ("i8mm",),
    "bf16": ("bf16",),
    "sve": ("sve",),
}


def decode_hwcap(hwcap: int, hwcap2: int, word_size: int) -> list[str]:
    """Return the feature tokens of an ARM process's AT_HWCAP and AT_HWCAP2 words; `word_size` is 32 or 64 bits."""
    names = (ARM64_HWCAP, ARM64_HWCAP2) if word_size == 64 else (ARM32_HWCAP, ARM32_HWCAP2)
    words = zip(names, (hwcap, hwcap2))
    return [token for tokens, word in words for bit, token in enumerate(tokens) if word >> bit & 1]


def architecture_of(features: Iterable[str]) -> str | None:
    """Return `aarch64`, `arm` (32-bit), `x86_64` or `i686` as the tokens betray it, None where they do not."""
    tokens = frozenset(features)
    if "asimd" in tokens:
        return "aarch64"
    if tokens & _ARM32_MARKS:
        return "arm"
    if tokens & _X86_MARKS:
        return "x86_64" if tokens & {"lm", "em64t"} else "i686"
    return None


def looks_like_features(value: str) -> bool:
    """Tell whether a value is a list of CPU features, whatever its label's language."""
    tokens = frozenset(value.split())
    return len(tokens & (ARM64_TOKENS | ARM32_TOKENS | _X86_MARKS)) >= 3


def split_tokens(lines: Sequence[str]) -> list[str]:
    """Split the feature list of one or more terminal lines; lscpu wraps at the screen's edge, even inside a token."""
    tokens: list[str] = []
    for line in lines:
        more = line.split()
        if tokens and more and _is_cut(tokens, more[0]):
            tokens[-1] += more.pop(0)
        tokens += more
    return tokens


def _is_cut(before: Sequence[str], after: str) -> bool:
    """Tell whether the last token before a line break and the first one after it are halves of one."""
    left, whole = before[-1], before[-1] + after
    if whole not in _PRINT_ORDER:
        return False
    if left not in _PRINT_ORDER or after not in _PRINT_ORDER:
        return True
    # `sve` + `bf16` may be three tokens or one: the kernel prints them in bit order, so `sve` cannot follow `svei8mm`.
    return len(before) > 1 and _PRINT_ORDER.get(before[-2], -1) > _PRINT_ORDER[left]


def parse_number(text: str) -> float | None:
    """Return the first number of a value such as `1800.0000`, `1800,0000` or `4`; None where there is none."""
    found = re.match(r"\s*(\d{1,18}(?:[.,]\d{1,18})?)", text, re.ASCII)
    return float(found.group(1).replace(",", ".")) if found else None
