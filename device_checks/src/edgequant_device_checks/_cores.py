"""Which core an implementer and part number name, and what that core can do by design.

`lscpu` learned many of these names late (0xd0b in util-linux 2.34, 0xd40 in 2.38, 0xd4f in 2.39), hence our own table.
Sources: the MIDR_EL1 values of Arm's technical reference manuals, the kernel's `cputype.h`, and the names of
util-linux's `lscpu-arm.c`. Where the level is None, the features that the kernel lists tell what the core can do.
"""

from __future__ import annotations

from dataclasses import dataclass

ARMV6, ARMV7, ARMV8_32BIT = "armv6", "armv7", "armv8-32bit"  # 32-bit cores: without NEON, with it, of ARMv8
ARMV8, DOTPROD, BF16 = (
    "armv8",
    "dotprod",
    "bf16",
)  # 64-bit cores: no dot product; dot product and fp16; also i8mm and bf16

IMPLEMENTERS = {
    0x41: "ARM",
    0x42: "Broadcom",
    0x43: "Cavium",
    0x44: "DEC",
    0x46: "Fujitsu",
    0x48: "HiSilicon",
    0x49: "Infineon",
    0x4D: "Motorola/Freescale",
    0x4E: "NVIDIA",
    0x50: "APM",
    0x51: "Qualcomm",
    0x53: "Samsung",
    0x56: "Marvell",
    0x61: "Apple",
    0x66: "Faraday",
    0x69: "Intel",
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
        return self.level not in (ARMV6, ARMV7, ARMV8_32BIT)


# fmt: off
_TABLE: tuple[tuple[int, str | None, dict[int, str]], ...] = (
    (0x41, ARMV6, {0xB02: "ARM11 MPCore", 0xB36: "ARM1136", 0xB56: "ARM1156", 0xB76: "ARM1176"}),
    (0x41, ARMV7, {0xC05: "Cortex-A5", 0xC07: "Cortex-A7", 0xC08: "Cortex-A8", 0xC09: "Cortex-A9",
                   0xC0D: "Cortex-A12", 0xC0E: "Cortex-A17", 0xC0F: "Cortex-A15"}),
    (0x41, ARMV8_32BIT, {0xD01: "Cortex-A32"}),
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
    (0x42, None, {0x516: "ThunderX2"}),
    (0x43, ARMV8, {0x0A0: "ThunderX", 0x0A1: "ThunderX-88XX", 0x0A2: "ThunderX-81XX", 0x0A3: "ThunderX-83XX",
                   0x0AF: "ThunderX2-99xx"}),
    (0x43, None, {0x0B0: "OcteonTX2", 0x0B1: "OcteonTX2-98XX", 0x0B2: "OcteonTX2-96XX", 0x0B3: "OcteonTX2-95XX",
                  0x0B4: "OcteonTX2-95XXN", 0x0B5: "OcteonTX2-95XXMM", 0x0B6: "OcteonTX2-95XXO",
                  0x0B8: "ThunderX3-T110"}),
    (0x46, None, {0x001: "A64FX", 0x003: "MONAKA"}),
    # HiSilicon gave two of Arm's designs numbers of its own, which under Arm's are Neoverse-V1 and Cortex-A78.
    (0x48, DOTPROD, {0xD01: "TaiShan-v110", 0xD40: "Cortex-A76", 0xD41: "Cortex-A77"}),
    (0x48, None, {0xD02: "TaiShan-v120"}),
    (0x4E, None, {0x000: "Denver", 0x003: "Denver 2", 0x004: "Carmel", 0x010: "Olympus"}),
    (0x50, ARMV8, {0x000: "X-Gene"}),
    (0x51, ARMV7, {0x00F: "Scorpion", 0x02D: "Scorpion", 0x04D: "Krait", 0x06F: "Krait"}),
    (0x51, ARMV8, {0x201: "Kryo", 0x205: "Kryo", 0x211: "Kryo", 0x800: "Kryo-2XX-Gold", 0x801: "Kryo-2XX-Silver",
                   0xC00: "Falkor"}),
    (0x51, DOTPROD, {0x802: "Kryo-3XX-Gold", 0x803: "Kryo-3XX-Silver", 0x804: "Kryo-4XX-Gold",
                     0x805: "Kryo-4XX-Silver"}),
    (0x51, BF16, {0x001: "Oryon"}),
    (0x51, None, {0xC01: "Saphira"}),
    (0x53, ARMV8, {0x001: "exynos-m1"}),
    (0x53, None, {0x002: "exynos-m3", 0x003: "exynos-m4", 0x004: "exynos-m5"}),
    (0x56, ARMV7, {0x581: "PJ4/PJ4b", 0x584: "PJ4B-MP"}),
    (0x61, ARMV8, {0x001: "Cyclone", 0x002: "Typhoon", 0x003: "Typhoon/Capri", 0x004: "Twister",
                   0x005: "Twister/Elba/Malta", 0x006: "Hurricane", 0x007: "Hurricane/Myst"}),
    (0x61, None, {0x008: "Monsoon", 0x009: "Mistral", 0x00B: "Vortex", 0x00C: "Tempest", 0x00F: "Tempest-M9",
                  0x010: "Vortex/Aruba", 0x011: "Tempest/Aruba", 0x012: "Lightning", 0x013: "Thunder",
                  0x020: "Icestorm-A14", 0x021: "Firestorm-A14", 0x026: "Thunder-M10", 0x030: "Blizzard-A15",
                  0x031: "Avalanche-A15", 0x036: "Sawtooth-A16", 0x037: "Everest-A16"}),
    (0x61, DOTPROD, {0x022: "Icestorm-M1", 0x023: "Firestorm-M1", 0x024: "Icestorm-M1-Pro",
                     0x025: "Firestorm-M1-Pro", 0x028: "Icestorm-M1-Max", 0x029: "Firestorm-M1-Max"}),
    (0x61, BF16, {0x032: "Blizzard-M2", 0x033: "Avalanche-M2", 0x034: "Blizzard-M2-Pro",
                  0x035: "Avalanche-M2-Pro", 0x038: "Blizzard-M2-Max", 0x039: "Avalanche-M2-Max"}),
    (0x6D, BF16, {0xD49: "Azure-Cobalt-100"}),
    (0x70, ARMV8, {0x660: "FTC660", 0x661: "FTC661", 0x662: "FTC662", 0x663: "FTC663"}),
    (0x70, None, {0x303: "FTC310", 0x664: "FTC664", 0x862: "FTC862"}),
    (0xC0, BF16, {0xAC3: "Ampere-1", 0xAC4: "Ampere-1a"}),
)
# fmt: on

CORES = {
    (implementer, part): Core(implementer, part, name, level)
    for implementer, level, parts in _TABLE
    for part, name in parts.items()
}
_FIRST_OF_NAME: dict[str, Core] = {}  # Arm's own where others gave its name to a part of theirs
for _core in CORES.values():
    _FIRST_OF_NAME.setdefault(_core.name.lower(), _core)

# What some version of lscpu calls a core that has another name here.
_OTHER_NAMES = {
    "kunpeng-920": (0x48, 0xD01),
    "falkor-v1/kryo": (0x51, 0x800),
    "kryo-v2": (0x51, 0x801),
    "thunderx2 99xx": (0x43, 0x0AF),
    "denver-2": (0x4E, 0x003),
}


def core_of(implementer: int | None, part: int | None) -> Core | None:
    """Return the core that an implementer (MIDR bits 31-24) and part number (bits 15-4) name, None if not listed."""
    return CORES.get((implementer if implementer is not None else 0x41, part)) if part is not None else None


def core_named(name: str, implementer: int | None = None) -> Core | None:
    """Return the core that lscpu calls `name`, of that implementer if it has one; None if it is not listed."""
    key = name.strip().lower()
    theirs = (core for core in CORES.values() if core.implementer == implementer and core.name.lower() == key)
    return next(theirs, None) or _FIRST_OF_NAME.get(key) or CORES.get(_OTHER_NAMES.get(key, (0, 0)))


def vendor_number(name: str | None) -> int | None:
    """Return the implementer that lscpu calls `name` (`FUJITSU`, `Fujitsu`), None if it is not listed."""
    key = (name or "").casefold()
    return next((number for number, vendor in IMPLEMENTERS.items() if vendor.casefold() == key), None)
