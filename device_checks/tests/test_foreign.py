"""Processors that are neither ARM nor x86 are called by their name; excerpts of public /proc/cpuinfo."""

from __future__ import annotations

import pytest

from edgequant_device_checks import from_text, recommend, wheels_for

RISCV = "processor\t: 0\nhart\t\t: 1\nisa\t\t: rv64imafdc_zicsr_zba_zbb\nmmu\t\t: sv39\nuarch\t\t: sifive,u74-mc\n"
DUMPS = {
    "riscv64": (RISCV, "RISC-V"),
    "riscv": ("processor : 0\nhart : 1\nmvendorid : 0x489\nmarchid : 0x8000000000000007\n", "RISC-V"),
    "powerpc": (
        "processor\t: 0\ncpu\t\t: POWER9, altivec supported\nclock\t\t: 2200MHz\ntimebase\t: 512000000\n",
        "PowerPC",
    ),
    "mips": ("system type\t\t: MediaTek MT7621\nprocessor\t\t: 0\ncpu model\t\t: MIPS 1004Kc V2.15\n", "MIPS"),
    "loongarch64": (
        "system type\t\t: generic-loongson-machine\n\nprocessor\t\t: 0\nCPU Family\t\t: Loongson-64bit\n"
        "Model Name\t\t: Loongson-3A5000\nISA\t\t\t: loongarch32 loongarch64\nFeatures\t\t: cpucfg lam ual fpu lsx\n",
        "LoongArch",
    ),
    "s390x": (
        "vendor_id       : IBM/S390\n# processors    : 2\nfeatures\t: esan3 zarch stfle\n"
        "processor 0: version = FF,  identification = 012345,  machine = 8561\n",
        "IBM Z",
    ),
}


@pytest.mark.parametrize("architecture", DUMPS)
def test_it_is_called_by_its_name(architecture: str) -> None:
    text, title = DUMPS[architecture]
    device = from_text(f"[user@host ~]$ cat /proc/cpuinfo\n{text}")
    assert (device.architecture, device.is_arm) == (architecture, False)
    assert title in device.core_names or title in " ".join(recommend(device).reasons)
    assert any(f"nothing ready-made for {title}" in reason for reason in recommend(device).reasons)
    assert not any(status.installs for status in wheels_for(device))
    assert not any(device.capabilities.values())


def test_the_core_and_the_number_of_cores_are_told() -> None:
    device = from_text(RISCV + "\n" + RISCV.replace("processor\t: 0", "processor\t: 1"))
    assert (device.core_names, device.cpu_count) == ("sifive,u74-mc", 2)


def test_lscpu_of_another_processor() -> None:
    device = from_text("Architecture: riscv64\nByte Order: Little Endian\nCPU(s): 4\nModel name: -\n")
    assert device.core_names == "RISC-V processor"
