"""Picks, of several bundles of one model, the one for a board's processor."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgequant._bundle import BundleError, read_head
from edgequant._smoke import assumed_features, available_features, can_execute
from edgequant._targets import FAMILIES, find_target

if TYPE_CHECKING:
    from edgequant_device_checks import Device

    from edgequant._bundle import Manifest

_OLDEST_FIRST = tuple(FAMILIES)


def choose_bundle(bundles: Sequence[Path], device: "Device") -> Path:
    """Return the bundle that suits a device best; the earlier one of two that are as good.

    It runs there, with all that its program takes for granted. Of those, one for the very board comes first, then the
    newest family of processors, then the one that takes most for granted. Raises BundleError if none runs there.
    """
    fitting = []
    for bundle in bundles:
        manifest, _ = read_head(bundle)
        if (rank := _rank(manifest, device)) is not None:
            fitting.append((rank, bundle))
    if fitting:
        return max(fitting, key=lambda found: found[0])[1]
    names = ", ".join(bundle.name for bundle in bundles)
    raise BundleError(
        f"No bundle runs on {device.model or device.core_names}, whose programs are {device.programs}: there are "
        f"{names}; make one for it with 'edgequant bundle --target'."
    )


def _rank(manifest: "Manifest", device: "Device") -> tuple[bool, int, int] | None:
    """Return how well a bundle suits a device, the more the better; None if it does not run there."""
    target = find_target(manifest.target)
    family = target.family.name if manifest.runner is None else manifest.runner.family
    assumed = assumed_features(manifest)
    if not can_execute(family, device) or not {*assumed} <= available_features(device):
        return None
    board = target.device()
    is_its_own = board is not None and (board.core_names, board.word_size) == (device.core_names, device.word_size)
    return is_its_own, _OLDEST_FIRST.index(family), len(assumed)
