"""The one document that `edgequant check --json` and `python -m edgequant_device_checks` print."""

from __future__ import annotations

from typing import Any

from ._device import Device
from ._recommend import Recommendation
from ._wheels import wheels_for


def summary(device: Device, recommendation: Recommendation) -> dict[str, Any]:
    """Return a device, its recommendation and its wheels as plain JSON types, under these three keys."""
    return {
        "device": device.to_dict(),
        "recommendation": recommendation.to_dict(),
        "wheels": [status.to_dict() for status in wheels_for(device)],
    }
