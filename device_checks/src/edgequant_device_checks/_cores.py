"""Which core an implementer and part number name, and what that core can do by design.

`lscpu` learned many of these names late (0xd0b in util-linux 2.34, 0xd40 in 2.38, 0xd4f in 2.39), hence our own table.
Sources: the MIDR_EL1 values of Arm's technical reference manuals and the kernel's `cputype.h`.
"""

from __future__ import annotations

from dataclasses import dataclass

ARMV6, ARMV7 = "armv6", "armv7"  # 32-bit cores: without and with NEON
ARMV8, DOTPROD, BF16 = (
    "armv8",
    "dotprod",
    "bf16",
)  # 64-bit cores: no dot product; dot product and fp16; also i8mm and bf16

IMPLEMENTERS = {
    0x41: "ARM",
    0x42: "Broadcom",
    0x43: "Cavium",
    0x46: "Fujitsu",
    0x48: "HiSilicon",
    0x4E: "NVIDIA",
    0x51: "Qualcomm",
    0x61: "Apple",
    0x6D: "Microsoft",
    0x70: "Phytium",
    0xC0: "Ampere",
}


@dataclass(frozen=True)
class Core:
    """A core design: its name, and the level of arithmetic that it has by design (None where that is not known)."""

    implementer: int
    part: int
    name: str
    level: str | None

    @property
    def is_64bit(self) -> bool:
        """Whether a 64-bit operating system runs on it."""
        return self.level not in (ARMV6, ARMV7)


# fmt: off
_TABLE: tuple[tuple[int, str | None, dict[int, str]], ...] = (
    (0x41, ARMV6, {0xB02: "ARM11 MPCore", 0xB36: "ARM1136", 0xB56: "ARM1156", 0xB76: "ARM1176"}),
    (0x41, ARMV7, {0xC05: "Cortex-A5", 0xC07: "Cortex-A7", 0xC08: "Cortex-A8", 0xC09: "Cortex-A9",
                   0xC0D: "Cortex-A12", 0xC0E: "Cortex-A17", 0xC0F: "Cortex-A15"}),
    (0x41, ARMV8, {0xD02: "Cortex-A34", 0xD03: "Cortex-A53", 0xD04: "Cortex-A35", 0xD07: "Cortex-A57",
                   0xD08: "Cortex-A72", 0xD09: "Cortex-A73"}),
    (0x41, DOTPROD, {0xD05: "Cortex-A55", 0xD06: "Cortex-A65", 0xD0A: "Cortex-A75", 0xD0B: "Cortex-A76",
                     0xD0C: "Neoverse-N1", 0xD0D: "Cortex-A77", 0xD0E: "Cortex-A76AE", 0xD41: "Cortex-A78",
                     0xD42: "Cortex-A78AE", 0xD43: "Cortex-A65AE", 0xD44: "Cortex-X1", 0xD4A: "Neoverse-E1",
                     0xD4B: "Cortex-A78C", 0xD4C: "Cortex-X1C"}),
    (0x41, BF16, {0xD40: "Neoverse-V1", 0xD46: "Cortex-A510", 0xD47: "Cortex-A710", 0xD48: "Cortex-X2",
                  0xD49: "Neoverse-N2", 0xD4D: "Cortex-A715", 0xD4E: "Cortex-X3", 0xD4F: "Neoverse-V2",
                  0xD80: "Cortex-A520", 0xD81: "Cortex-A720", 0xD82: "Cortex-X4", 0xD84: "Neoverse-V3",
                  0xD85: "Cortex-X925", 0xD87: "Cortex-A725", 0xD8E: "Neoverse-N3"}),
    (0x42, ARMV7, {0x00F: "Brahma-B15"}),
    (0x42, ARMV8, {0x100: "Brahma-B53"}),
    (0x43, ARMV8, {0x0A1: "ThunderX", 0x0AF: "ThunderX2"}),
    (0x46, None, {0x001: "A64FX"}),
    (0x48, DOTPROD, {0xD01: "Kunpeng-920"}),
    (0x4E, None, {0x000: "Denver", 0x003: "Denver 2", 0x004: "Carmel"}),
    (0x51, ARMV8, {0x800: "Kryo-2XX-Gold", 0x801: "Kryo-2XX-Silver"}),
    (0x51, DOTPROD, {0x802: "Kryo-3XX-Gold", 0x803: "Kryo-3XX-Silver", 0x804: "Kryo-4XX-Gold",
                     0x805: "Kryo-4XX-Silver"}),
    (0x51, BF16, {0x001: "Oryon"}),
    (0x61, DOTPROD, {0x022: "Icestorm-M1", 0x023: "Firestorm-M1", 0x024: "Icestorm-M1-Pro",
                     0x025: "Firestorm-M1-Pro", 0x028: "Icestorm-M1-Max", 0x029: "Firestorm-M1-Max"}),
    (0x61, BF16, {0x032: "Blizzard-M2", 0x033: "Avalanche-M2", 0x034: "Blizzard-M2-Pro",
                  0x035: "Avalanche-M2-Pro", 0x038: "Blizzard-M2-Max", 0x039: "Avalanche-M2-Max"}),
    (0x6D, BF16, {0xD49: "Azure-Cobalt-100"}),
    (0x70, ARMV8, {0x660: "FTC660", 0x661: "FTC661", 0x662: "FTC662", 0x663: "FTC663"}),
    (0xC0, BF16, {0xAC3: "Ampere-1", 0xAC4: "Ampere-1a"}),
)
# fmt: on

CORES = {
    (implementer, part): Core(implementer, part, name, level)
    for implementer, level, parts in _TABLE
    for part, name in parts.items()
}
_BY_NAME = {core.name.lower(): core for core in CORES.values()}


def core_of(implementer: int | None, part: int | None) -> Core | None:
    """Return the core that an implementer (MIDR bits 31-24) and part number (bits 15-4) name, None if not listed."""
    return CORES.get((implementer if implementer is not None else 0x41, part)) if part is not None else None


def core_named(name: str) -> Core | None:
    """Return the core that lscpu calls `name`, None if it is not listed."""
    return _BY_NAME.get(name.strip().lower())
