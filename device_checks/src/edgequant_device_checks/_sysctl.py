"""Reads macOS's `sysctl hw machdep.cpu`."""

from __future__ import annotations

from ._device import Cluster
from ._errors import DeviceCheckError
from ._features import parse_number
from ._report import CpuReport

# What Apple calls a feature, and the tokens of the Linux kernel for it.
_TOKENS = {
    "hw.optional.arm.AdvSIMD": ("fp", "asimd"),
    "hw.optional.AdvSIMD": ("fp", "asimd"),
    "hw.optional.neon": ("fp", "asimd"),
    "hw.optional.arm.FEAT_FP16": ("fphp", "asimdhp"),
    "hw.optional.arm.FEAT_DotProd": ("asimddp",),
    "hw.optional.arm.FEAT_I8MM": ("i8mm",),
    "hw.optional.arm.FEAT_BF16": ("bf16",),
    "hw.optional.arm.FEAT_EBF16": ("ebf16",),
    "hw.optional.arm.FEAT_SME": ("sme",),
    "hw.optional.arm.FEAT_SME2": ("sme2",),
}


def sysctl_values(text: str) -> dict[str, str]:
    """Return the values of `name: value` lines by name."""
    parts = (line.partition(":") for line in text.splitlines())
    return {name.strip(): value.strip() for name, colon, value in parts if colon}


def parse_sysctl(text: str, machine: str | None) -> CpuReport:
    """Read macOS's sysctl lines; `machine` is `arm64` or `x86_64`. Raises DeviceCheckError on other text."""
    values = sysctl_values(text)
    if "machdep.cpu.brand_string" not in values:
        raise DeviceCheckError("This is not macOS's sysctl output: it does not name the processor.")
    arm = [token for name, tokens in _TOKENS.items() if values.get(name) == "1" for token in tokens]
    x86 = f"{values.get('machdep.cpu.features', '')} {values.get('machdep.cpu.leaf7_features', '')}".lower().split()
    name = values["machdep.cpu.brand_string"]
    vendor = "Apple" if name.startswith("Apple") else None
    return CpuReport(
        origin="sysctl",
        architecture=machine,
        features=tuple(sorted(set(arm if machine == "arm64" else x86))),
        clusters=(Cluster(name, int(parse_number(values.get("hw.ncpu", "")) or 1), vendor=vendor),),
        board=values.get("hw.model"),
    )
