import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from edgequant._targets import Runner

# The same examples on every run, and no limit on the time of one: machines differ. To look for new ones:
# pytest --hypothesis-profile=explore
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=1000, deadline=None)
settings.load_profile("repeatable")

ROOT = Path(__file__).resolve().parent
SHARED = ROOT.parent / "shared"

# Programs for boards are compiled once, and kept beside the environment that compiled them.
os.environ.setdefault("EDGEQUANT_CACHE", str(ROOT / ".venv" / "runners"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real trained networks and data that developers have beside the checkout; users do not."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared (real trained networks and MNIST images), which is not on this machine")
    return SHARED


@pytest.fixture(scope="session")
def runner_for() -> "Callable[..., Runner]":
    """Compile edgequant-run for a target, once for all workers: `runner_for("rpi4").program`."""
    pytest.importorskip("ziglang", reason="needs ziglang, which cross-compiles the programs")
    from edgequant._targets import build_runner, find_target

    return lambda target, **options: build_runner(find_target(target), **options)


@dataclass(frozen=True)
class CliResult:
    exit_code: int
    stdout: str
    stderr: str


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., CliResult]:
    """Run the command line in this process: `cli("check", "--json")`."""

    def run(*arguments: object) -> CliResult:
        from edgequant._cli.app import main

        capsys.readouterr()
        exit_code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return CliResult(exit_code, captured.out, captured.err)

    return run
