"""Smoke tests over a real sshd: what goes wrong ends in a sentence and exit code 2, and nothing is left behind."""

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree

import pytest

from edgequant._bundle import write_bundle
from edgequant._smoke import smoke as run_smoke
from edgequant._targets import Runner, find_target
from edgequant._transports import FaultyTransport, LocalTransport

from ._bundle_files import make, stand_in
from ._proxy import Proxy
from ._smoke_bundles import SCORES, Made, forgetful, make_bundle
from ._sshd import LOGINS_THAT_FAIL, SshServer
from ._waiting import wait_until

pytestmark = pytest.mark.slow

Cli = Callable[..., Any]


@pytest.fixture
def bundle(models: Path, tmp_path: Path, local_runner: Runner) -> Path:
    path = tmp_path / "kws of ä.tar.gz"
    write_bundle(models / "int8.tflite", find_target("x86-64"), path, runner=local_runner, goldens=1)
    return path


@pytest.fixture(autouse=True)
def nothing_is_left(sshd: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Look at the end for files on either side, and for connections."""
    with tempfile.TemporaryDirectory(prefix="eq-") as here:
        monkeypatch.setattr(tempfile, "tempdir", here)
        yield
        assert not list(Path(here).iterdir())
        wait_until(lambda: not sshd.connections())
        assert not list(Path(sshd.environment["TMPDIR"]).glob("edgequant*"))
        assert not list(sshd.home.iterdir())


def smoke(cli: Cli, sshd: SshServer, bundle: Path, *options: object) -> Any:
    return cli("smoke", bundle, "--host", sshd.host, "--ssh-config", sshd.config, *options)


def fails(cli: Cli, sshd: SshServer, bundle: Path, said: str) -> None:
    """Run the test, which must end with such a sentence, and say so to CI."""
    report = bundle.parent / "out.xml"
    result = smoke(cli, sshd, bundle, "--json", "--junit", report)
    assert result.exit_code == 2, result.stdout
    assert said in result.stderr and "Traceback" not in result.stderr
    document = json.loads(result.stdout)
    assert document["verdict"] == "could not run" and said in document["error"]
    assert len(ElementTree.parse(report).getroot().findall("testsuite/testcase/error")) == 1


@pytest.mark.parametrize("login", ["key", "agent"])
def test_smoke_over_ssh(cli: Cli, sshd: SshServer, bundle: Path, login: str) -> None:
    if login == "agent":
        sshd.use_agent()
    result = smoke(cli, sshd, bundle)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("All 5 goldens agree on board, bit for bit, with 1")
    assert "latency     median" in result.stdout


def test_a_board_with_busybox_alone(cli: Cli, sshd: SshServer, bundle: Path) -> None:
    sshd.only_busybox(without=("tar", "gzip", "sha256sum"))
    assert smoke(cli, sshd, bundle).exit_code == 0


def test_a_user_with_few_rights(cli: Cli, sshd: SshServer, bundle: Path) -> None:
    sshd.become_nobody()
    assert smoke(cli, sshd, bundle).exit_code == 0


def test_a_difference_is_fetched(cli: Cli, sshd: SshServer, models: Path, tmp_path: Path, local_runner: Runner) -> None:
    path = tmp_path / "wrong.tar.gz"
    make(
        models / "int8.tflite",
        path,
        runner=stand_in(tmp_path / "forgetful", forgetful(local_runner.program)),
        goldens=1,
    )
    result = smoke(cli, sshd, path)
    assert result.exit_code == 1
    assert "values differ, first at [" in result.stdout


# ---- what goes wrong ----


@pytest.mark.parametrize(("make_wrong", "sentence"), LOGINS_THAT_FAIL)
def test_a_login_that_fails(
    cli: Cli, sshd: SshServer, bundle: Path, make_wrong: Callable[[SshServer], None], sentence: str
) -> None:
    make_wrong(sshd)
    fails(cli, sshd, bundle, sentence)


def test_a_silent_port(cli: Cli, sshd: SshServer, bundle: Path) -> None:
    sshd.fall_silent()
    fails(cli, sshd, bundle, "did not answer within 10 s")


def test_a_full_disk(cli: Cli, sshd: SshServer, bundle: Path) -> None:
    sshd.have_small_disk(100)
    fails(cli, sshd, bundle, "disk is full")


def test_a_folder_for_temporary_files_that_is_not_writable(cli: Cli, sshd: SshServer, bundle: Path) -> None:
    sshd.environment["TMPDIR"] = "/proc"
    sshd.become_nobody()
    assert smoke(cli, sshd, bundle).exit_code == 0  # there is another


def test_a_board_that_hangs(cli: Cli, sshd: SshServer, models: Path, tmp_path: Path) -> None:
    slow = stand_in(tmp_path / "slow", "#!/bin/sh\nsleep 60\n")
    make(models / "int8.tflite", tmp_path / "slow.tar.gz", runner=slow, goldens=1)
    result = smoke(cli, sshd, tmp_path / "slow.tar.gz", "--timeout", "0.5")
    assert result.exit_code == 2
    assert "did not end within 0.5 s on board" in result.stderr


def test_a_connection_that_is_cut(cli: Cli, sshd: SshServer, bundle: Path) -> None:
    """Cut after a share of what a whole test sends: while asking, copying, running."""
    whole = Proxy(sshd.port)
    sshd.connect_through(whole.port)
    try:
        assert smoke(cli, sshd, bundle).exit_code == 0
    finally:
        whole.close()
    for share in (0.1, 0.5, 0.8, 0.95):
        cut = Proxy(sshd.port, int(whole.sent * share))
        sshd.connect_through(cut.port)
        try:
            fails(cli, sshd, bundle, "board")
        finally:
            cut.close()


@pytest.mark.parametrize("moment", ["before", "halfway", "after"])
def test_every_operation_may_fail(tmp_path: Path, moment: Literal["before", "halfway", "after"]) -> None:
    """Count the operations of a test that finds a difference, and lose the connection at each of them."""
    made = make_bundle(tmp_path / "made", [Made({"a": SCORES}), Made({"a": SCORES}, {"a": SCORES + 1})])
    with FaultyTransport(LocalTransport()) as board:
        assert run_smoke(made, board, threads=1).exit_code == 1
    proof = next(i for i, name in enumerate(board.operations, 1) if "goldens/1" in name and "--repeat 1 " in name)
    for number in range(1, len(board.operations) + 1):
        with FaultyTransport(LocalTransport(), fails_at=number, moment=moment) as board:
            result = run_smoke(made, board, threads=1)
        assert "was lost" in " ".join(result.sentences)
        differs = any(golden.status == "different" for golden in result.goldens)
        assert result.exit_code == (1 if differs else 2)
        assert differs == (number > proof), "what a golden has proved stays, and nothing else is said of it"
        assert not list(Path(tempfile.gettempdir()).iterdir())
