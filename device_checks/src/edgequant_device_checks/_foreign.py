"""Processors that are neither ARM nor x86: how /proc/cpuinfo gives them away, and what to call them."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Field, what its value begins with, the architecture as of `uname -m` as far as that tells it, and the field that names
# the core. First match wins. Neither MIPS nor PowerPC tell the order of their bytes there, which `uname -m` would.
_GIVEN_AWAY_BY = (
    ("isa", r"rv64", "riscv64", "uarch"),
    ("isa", r"rv32", "riscv32", "uarch"),
    ("hart", r"\d", "riscv", "uarch"),
    ("mvendorid", r"0x", "riscv", "uarch"),
    ("CPU Family", r"Loongson", "loongarch64", "Model Name"),
    ("Model Name", r"Loongson-[23][A-F]?[5-9]", "loongarch64", "Model Name"),
    ("vendor_id", r"IBM/S390", "s390x", ""),
    ("cpu model", r".", "mips", "cpu model"),
    ("isa", r"mips", "mips", "cpu model"),
    ("cpu", r"(POWER|PPC|PowerPC|e[56]\d00|7[4-9]\d\d|9[67]0|Cell|A2)", "powerpc", "cpu"),
    ("timebase", r"\d", "powerpc", "cpu"),
    ("type", r"sun4", "sparc", "cpu"),
    ("cpu", r"(Alpha|EV\d)", "alpha", "cpu model"),
    ("cpu family", r"PA-RISC", "parisc", "cpu"),
    ("cpu family", r"(sh\d|SH-)", "sh4", "cpu type"),
    ("vendor", r"GenuineIntel", "ia64", "family"),
    ("CPU", r"680\d0", "m68k", "CPU"),
)
_TITLES = (
    ("riscv", "RISC-V"),
    ("loong", "LoongArch"),
    ("ppc", "PowerPC"),
    ("powerpc", "PowerPC"),
    ("mips", "MIPS"),
    ("s390", "IBM Z"),
    ("sparc", "SPARC"),
    ("alpha", "Alpha"),
    ("parisc", "PA-RISC"),
    ("sh4", "SuperH"),
    ("ia64", "Itanium"),
    ("m68k", "68000"),
)


def foreign_processor(fields: Mapping[str, str]) -> tuple[str, str | None] | None:
    """Return the architecture and the name of the core that the fields of /proc/cpuinfo tell; None for ARM and x86."""
    for field, beginning, architecture, name in _GIVEN_AWAY_BY:
        if re.match(beginning, fields.get(field, "")):
            return architecture, fields.get(name) or None
    return None


def title_of(architecture: str) -> str | None:
    """Return the name of an architecture's family, such as `RISC-V` for `riscv64`; None for ARM, x86 and others."""
    return next((title for beginning, title in _TITLES if architecture.startswith(beginning)), None)
