"""Boards to test with.

`sshd` is a real OpenSSH server on loopback, which `SshTransport(sshd.host, config=sshd.config)` reaches, and a command
with `--host board --ssh-config FILE`. See `_sshd.SshServer` for what can be made wrong with it; `_proxy.Proxy` is a
network that ends a connection after so many bytes.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgequant._targets import Runner, build_runner, find_target

from ._bundle_files import make
from ._deployments import TestBundle, make_bundle, without_probing
from ._sshd import SshServer, make_server


@pytest.fixture
def sshd() -> Iterator[SshServer]:
    """A started board; nothing of it is left afterwards."""
    server = make_server()
    try:
        server.start()
        yield server
    finally:
        server.close()
        shutil.rmtree(server.folder)


@pytest.fixture(scope="session")
def bundle(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of a tiny model, with a stand-in for the program."""
    path = tmp_path_factory.mktemp("bundle") / "int8.tar.gz"
    make(models / "int8.tflite", path)
    return path


@pytest.fixture(scope="session")
def local_runner() -> Runner:
    """What runs models on this machine, compiled once for all."""
    pytest.importorskip("ziglang", reason="needs ziglang, which compiles the runner")
    return build_runner(find_target("x86-64"))


@pytest.fixture(scope="session")
def bundles(models: Path, local_runner: Runner, tmp_path_factory: pytest.TempPathFactory) -> list[TestBundle]:
    """Four bundles of a tiny model for this machine, to deploy one after the other."""
    folder = tmp_path_factory.mktemp("bundles")
    return [make_bundle(models / "int8.tflite", local_runner, folder / str(seed), seed) for seed in range(4)]


@pytest.fixture(scope="session")
def quick_bundles(models: Path, local_runner: Runner, tmp_path_factory: pytest.TempPathFactory) -> list[TestBundle]:
    """Four bundles as `bundles`, whose smoke test takes milliseconds."""
    folder = tmp_path_factory.mktemp("quick bundles")
    quick = without_probing(local_runner, folder)
    return [make_bundle(models / "int8.tflite", quick, folder / str(seed), seed) for seed in range(4)]
