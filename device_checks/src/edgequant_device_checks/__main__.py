"""`python -m edgequant_device_checks` prints what this machine is, as JSON; it needs nothing but this package."""

from __future__ import annotations

import json
import sys

from . import DeviceCheckError, probe, recommend, summary


def main() -> int:
    """Print the summary of this machine and return the exit code: 0, or 2 where it cannot be told."""
    try:
        device = probe()
    except DeviceCheckError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    sys.stdout.write(json.dumps(summary(device, recommend(device)), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
