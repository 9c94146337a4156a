from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parent.parent / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real trained networks and data that developers have beside the checkout; users do not."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared (real trained networks and MNIST images), which is not on this machine")
    return SHARED


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
