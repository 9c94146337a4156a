"""The table of part numbers."""

from __future__ import annotations

import pytest

from edgequant_device_checks import from_text
from edgequant_device_checks._cores import CORES, IMPLEMENTERS, core_named, core_of

DUMP = "processor : 0\nFeatures : fp asimd asimddp asimdhp cpuid\nCPU implementer : {:#x}\nCPU part : {:#x}\n"


@pytest.mark.parametrize(
    ("implementer", "part", "vendor", "name"),
    [
        (0x48, 0xD40, "HiSilicon", "Cortex-A76"),  # Kirin 980 and 990
        (0x41, 0xD40, "ARM", "Neoverse-V1"),
        (0x48, 0xD01, "HiSilicon", "TaiShan-v110"),
        (0x4E, 0x004, "NVIDIA", "Carmel"),
        (0x51, 0x201, "Qualcomm", "Kryo"),
        (0x51, 0xC00, "Qualcomm", "Falkor"),
        (0x51, 0x001, "Qualcomm", "Oryon"),
        (0x53, 0x003, "Samsung", "exynos-m4"),
        (0x61, 0x022, "Apple", "Icestorm-M1"),
        (0x61, 0x007, "Apple", "Hurricane/Myst"),
        (0xC0, 0xAC3, "Ampere", "Ampere-1"),
        (0x46, 0x001, "Fujitsu", "A64FX"),
        (0x43, 0x0AF, "Cavium", "ThunderX2-99xx"),
        (0x70, 0x862, "Phytium", "FTC862"),
        (0x6D, 0xD49, "Microsoft", "Azure-Cobalt-100"),
        (0x50, 0x000, "APM", "X-Gene"),
    ],
)
def test_a_part_has_its_name_and_its_features_are_the_listed_ones(
    implementer: int, part: int, vendor: str, name: str
) -> None:
    device = from_text(DUMP.format(implementer, part))
    (cluster,) = device.clusters
    assert (cluster.name, cluster.vendor) == (name, vendor)
    assert device.features == ("asimd", "asimddp", "asimdhp", "cpuid", "fp")


def test_every_implementer_of_a_core_has_a_name() -> None:
    assert {core.implementer for core in CORES.values()} <= set(IMPLEMENTERS)


def test_names_of_lscpu_lead_back_to_the_part() -> None:
    for core in CORES.values():
        found = core_named(core.name, core.implementer)
        assert found is not None and (found.implementer, found.name) == (core.implementer, core.name)
    assert core_named("Cortex-A76") == core_of(0x41, 0xD0B)
    assert core_named("Kunpeng-920") == core_of(0x48, 0xD01)


def test_lscpu_tells_a_part_that_it_has_no_name_for() -> None:
    (cluster,) = from_text(
        "Architecture: aarch64\nVendor ID: HiSilicon\nModel name: 0xd40\nFlags: fp asimd cpuid\n"
    ).clusters
    assert (cluster.name, cluster.implementer, cluster.part) == ("Cortex-A76", 0x48, 0xD40)
