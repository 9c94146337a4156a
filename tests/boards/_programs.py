"""Programs for boards, compiled once for all tests and kept beside the checkout's environment."""

from pathlib import Path

import pytest

from edgequant._targets import TARGETS, Runner, TargetError, build_runner
from edgequant._transports import LocalTransport

CACHE = Path(__file__).resolve().parents[2] / ".venv" / "runners"


def runner_for(target: str) -> Runner:
    """Return a target's program from the cache; the test is skipped where there is no compiler for it."""
    try:
        return build_runner(TARGETS[target], cache=CACHE)
    except TargetError as error:
        pytest.skip(str(error))


def runner_here() -> Runner:
    """Return the program for this machine."""
    machine = LocalTransport().device().architecture
    for name, target in TARGETS.items():
        if target.family.machine == machine:
            return runner_for(name)
    pytest.skip(f"needs a target for {machine}")
