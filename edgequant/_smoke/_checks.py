"""The device held against what the bundle's target promises and its runner takes for granted."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ._result import Check

if TYPE_CHECKING:
    from edgequant_device_checks import Device

    from edgequant._bundle import Manifest
    from edgequant._targets import Target

_FAMILY_TITLES = {"armv6": "ARMv6", "armv7": "ARMv7", "aarch64": "64-bit ARM", "x86_64": "x86-64"}
# What systems run, by what their own programs are; a 64-bit ARM system may also run 32-bit programs.
_EXECUTES = {
    "armv6l": {"armv6"},
    "armv7l": {"armv6", "armv7"},
    "aarch64": {"armv6", "armv7", "aarch64"},
    "x86_64": {"x86_64"},
}
_MIB = 2**20


def family_title(family: str) -> str:
    """Return what people call a family of processors."""
    return _FAMILY_TITLES.get(family, family)


def assumed_features(manifest: "Manifest") -> tuple[str, ...]:
    """Return what the bundle's runner takes for granted, nothing without a runner."""
    return () if manifest.runner is None else manifest.runner.assumed_features


def can_execute(family: str, device: "Device") -> bool:
    """Tell whether programs of that family can run on the device at all."""
    return family in _EXECUTES.get(device.architecture, {family})


def available_features(device: "Device", probe: Mapping[str, Any] | None = None) -> set[str]:
    """Return the arithmetic that programs may use, as the runner's probe tells or else the device's own tokens do."""
    if probe is not None:
        return {*probe["cpu"]["features"]}
    return {name for name, there in device.capabilities.items() if there}


def check_device(
    manifest: "Manifest",
    target: "Target",
    device: "Device",
    probe: Mapping[str, Any] | None,
    *,
    is_emulated: bool,
) -> list[Check]:
    """Return what was checked, in sentences; `probe` is None until the runner gave it."""
    architecture = _architecture(target, device)
    if not architecture.ok:  # features are other things there
        return [architecture]
    features = available_features(device, probe)
    return [
        architecture,
        _board(target, device),
        *_assumed(manifest, features),
        _features(manifest, target, features),
        _memory(manifest, device, None if is_emulated else probe),
    ]


def _architecture(target: "Target", device: "Device") -> Check:
    ok = can_execute(target.family.name, device)
    wanted = f"programs for {family_title(target.family.name)}"
    runs = f"the device's own are {device.programs}"
    return Check("architecture", ok, f"{target.name} takes {wanted}; {runs}.")


def _board(target: "Target", device: "Device") -> Check:
    found, promised = device.model or device.core_names, target.device()
    if promised is None:
        return Check("board", True, f"The bundle is for any {target.title}; this is {found}.")
    if {*map(_part, promised.clusters)} == {*map(_part, device.clusters)}:
        return Check("board", True, f"The device has the cores of {target.name}: {device.core_names}.")
    return Check("board", True, f"The bundle is for {target.name} ({promised.core_names}); this is {found}.")


def _part(cluster: Any) -> tuple[int | None, int | None]:
    return cluster.implementer, cluster.part


def _assumed(manifest: "Manifest", features: set[str]) -> list[Check]:
    assumed = assumed_features(manifest)
    if not assumed:
        return []
    lacking = [name for name in assumed if name not in features]
    if lacking:
        sentence = f"The device lacks {', '.join(lacking)}, which the bundle's runner takes for granted."
    else:
        sentence = f"The device has what the runner takes for granted: {', '.join(assumed)}."
    return [Check("assumed features", not lacking, sentence)]


def _features(manifest: "Manifest", target: "Target", features: set[str]) -> Check:
    """Hold the device against the target's board; what the runner assumes is another check's matter."""
    promised = target.device()
    wanted = [] if promised is None else [name for name, there in promised.capabilities.items() if there]
    lacking = [name for name in wanted if name not in features and name not in assumed_features(manifest)]
    if lacking:
        return Check(
            "features", False, f"The device lacks {', '.join(lacking)}, which {target.name} has: it is slower."
        )
    there = ", ".join(name for name in wanted if name in features)
    told = f"The device has {there}, as {target.name} promises." if there else f"{target.name} promises no more."
    return Check("features", True, told)


def _memory(manifest: "Manifest", device: "Device", probe: Mapping[str, Any] | None) -> Check:
    there = (probe or {}).get("memory_available_bytes") or device.memory_bytes
    needed = manifest.model.memory_bytes
    if there is None:
        return Check("memory", True, "The device does not tell its memory.")
    free = "free" if probe else "in all"
    sentence = f"The model takes about {needed / _MIB:,.1f} MiB; the device has {there / _MIB:,.0f} MiB {free}"
    return Check("memory", needed <= there, f"{sentence}." if needed <= there else f"{sentence}, which is too little.")
