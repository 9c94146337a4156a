import fcntl
import importlib
import os
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
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

# A shell starts what it puts in the background deaf to Ctrl-C, and so would be the programs that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


DEAR = ("emulated", "slow", "tensorflow", "torch_export")
"""The marks that scripts/test --fast leaves out."""


def is_dear(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(name) for name in DEAR)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--nightly", action="store_true", help="run the tests that are left to scripts/nightly too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is left to scripts/nightly, and begin with what takes long, where several workers share the tests.

    So none waits for the others at the end. With --cov, measure the tests of scripts/test --fast: the others spend
    their time in the code of others. To trace that too takes half as long again.
    """
    if not config.getoption("nightly"):
        left = [item for item in items if item.get_closest_marker("nightly")]
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: not is_dear(item))
    if config.pluginmanager.hasplugin("_cov"):
        for item in items:
            if is_dear(item):
                item.add_marker("no_cover")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real trained networks and data that developers have beside the checkout; users do not."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared (real trained networks and MNIST images), which is not on this machine")
    return SHARED


MakeOnce = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(scope="session")
def make_once(tmp_path_factory: pytest.TempPathFactory) -> MakeOnce:
    """A folder that is filled once in a run of the tests, for all workers: `make_once("digits", fill)`.

    The worker that comes first calls `fill(folder)`, and the others wait for it. Nobody changes the folder later.
    """
    own = tmp_path_factory.getbasetemp()
    of_all = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def make(name: str, fill: Callable[[Path], object]) -> Path:
        folder, filled = of_all / f"once-{name}", of_all / f"once-{name}.filled"
        with (of_all / f"once-{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not filled.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                fill(folder)
                filled.touch()
        return folder

    return make


@pytest.fixture(scope="session")
def heads() -> ModuleType:
    """The module of the runtime's tests that makes models whose outputs are known."""
    package = ModuleType("native_models")
    package.__path__ = [str(ROOT / "runtime" / "tests" / "native")]
    sys.modules[package.__name__] = package
    return importlib.import_module("native_models.heads")


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


# Python runs this file as it starts, and in the workers of edgequant alone it changes anything.
_DYING = """
import ctypes, os, sys, time

if any(word.endswith(("isolation._worker", "_bench_worker")) for word in sys.orig_argv):
    from edgequant_runtime._engines import _{engine} as engine

    alive = getattr(engine.{type}, {method!r})

    def die(*args, **options):
        {death}

    engine.{type}.{method} = die
"""
_ENGINE_TYPES = {"native": "NativeEngine", "litert": "LitertEngine", "onnxruntime": "OnnxRuntimeEngine"}


@pytest.fixture
def dying_engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, str], None]:
    """A function (engine, method, statement) that makes an engine run the statement in that method, in any worker."""

    def make(engine: str, method: str, death: str) -> None:
        folder = tmp_path / f"dying-{engine}-{method.strip('_')}"
        folder.mkdir()
        text = _DYING.format(engine=engine, type=_ENGINE_TYPES[engine], method=method, death=death)
        (folder / "sitecustomize.py").write_text(text, encoding="utf-8")
        monkeypatch.setenv("PYTHONPATH", str(folder))

    return make
