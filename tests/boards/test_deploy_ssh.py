"""Deployments over a real ssh: whatever goes wrong, the old release stays, and a sentence says what happened."""

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from edgequant_device_checks import Device

from edgequant._deploy import DeployError, deploy
from edgequant._transports import LocalTransport, SshTransport
from edgequant._transports._faulty import FaultyTransport

from ._deployments import RememberingBoard, TestBundle, current_release, expected_tree, tree
from ._proxy import Proxy
from ._sshd import LOGINS_THAT_FAIL, SshServer
from ._waiting import wait_until

pytestmark = pytest.mark.slow

Bundles = list[TestBundle]
PATH = "models/kws 'ä'"


@pytest.fixture
def site(sshd: SshServer, quick_bundles: Bundles) -> Path:
    """A folder of the board in which the first bundle is current."""
    with LocalTransport() as board:
        deploy(quick_bundles[0].opened, board, PurePosixPath(sshd.home / PATH))
    return sshd.home / PATH


@pytest.fixture
def run(sshd: SshServer, cli: Callable[..., Any]) -> Callable[..., Any]:
    """Run the command with the board: `run(bundle.archive, "--json")`."""

    def run(*arguments: object) -> Any:
        return cli("deploy", *arguments, "--host", sshd.host, "--ssh-config", sshd.config, "--path", PATH)

    return run


def test_deploy_list_and_roll_back(sshd: SshServer, run: Callable[..., Any], bundles: Bundles) -> None:
    site, ids = sshd.home / PATH, [bundle.id for bundle in bundles[:2]]
    for bundle in bundles[:2]:
        done = run(bundle.archive)
        assert done.exit_code == 0, done.stderr
        assert done.stdout.startswith(f"Release {bundle.id} is current in {site}; ")
        assert "All 5 goldens" in done.stdout
        assert current_release(site) == bundle.id
    listed = json.loads(run("--list", "--json").stdout)
    assert (listed["current"], listed["previous"], listed["lock"]) == (ids[1], ids[0], None)
    assert [entry["release"] for entry in listed["releases"]] == ids[::-1]
    back = json.loads(run("--rollback", "--json").stdout)
    assert (back["action"], back["current"], back["previous"]) == ("rollback", ids[0], None)
    assert current_release(site) == ids[0]
    assert tree(site) == expected_tree(*ids)


def test_a_key_in_an_agent(sshd: SshServer, site: Path, run: Callable[..., Any], quick_bundles: Bundles) -> None:
    sshd.use_agent()
    assert run(quick_bundles[1].archive).exit_code == 0
    assert current_release(site) == quick_bundles[1].id


@pytest.mark.parametrize(("make_wrong", "sentence"), LOGINS_THAT_FAIL)
@pytest.mark.parametrize("what", ["BUNDLE", "--rollback", "--list"])
def test_a_login_that_fails(
    sshd: SshServer,
    site: Path,
    run: Callable[..., Any],
    quick_bundles: Bundles,
    make_wrong: Callable[[SshServer], None],
    sentence: str,
    what: str,
) -> None:
    make_wrong(sshd)
    done = run(quick_bundles[1].archive if what == "BUNDLE" else what)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {sentence}")
    assert done.stderr.count("\n") == 1
    assert current_release(site) == quick_bundles[0].id
    assert tree(site) == expected_tree(quick_bundles[0].id)


def test_a_board_that_does_not_answer(
    sshd: SshServer, site: Path, run: Callable[..., Any], quick_bundles: Bundles
) -> None:
    sshd.fall_silent()
    done = run(quick_bundles[1].archive)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ssh: board did not answer within 10 s: check that it is on and in reach")
    assert tree(site) == expected_tree(quick_bundles[0].id)


def test_a_full_disk(sshd: SshServer, run: Callable[..., Any], bundles: Bundles) -> None:
    size = sum(entry.bytes for entry in bundles[0].opened.manifest.files)
    sshd.have_small_disk(size * 3 // 2 // 1024 + 60)  # 15 small files take 4 KB each
    site = sshd.home / PATH
    first = run(bundles[0].archive)
    assert first.exit_code == 0, first.stderr
    done = run(bundles[1].archive)
    assert done.exit_code == 2
    assert "on board: the disk is full: free some space there and try again. " in done.stderr
    assert f"Release {bundles[0].id} is still current." in done.stderr
    assert current_release(site) == bundles[0].id
    assert tree(site) == expected_tree(bundles[0].id)


def test_a_folder_where_programs_may_not_run(sshd: SshServer, cli: Callable[..., Any], quick_bundles: Bundles) -> None:
    site = sshd.mount_disk("size=2m,noexec") / "kws"
    done = cli("deploy", quick_bundles[0].archive, "--host", "board", "--ssh-config", sshd.config, "--path", site)
    assert done.exit_code == 2
    assert "The smoke test cannot run: " in done.stderr
    assert "noexec" in done.stderr
    assert tree(site) == {"releases"}


def test_no_permission_to_write(sshd: SshServer, site: Path, run: Callable[..., Any], quick_bundles: Bundles) -> None:
    sshd.become_nobody()
    done = run(quick_bundles[1].archive)  # root deployed the first one
    assert done.exit_code == 2
    assert "permission denied: choose a place where this user may do so." in done.stderr
    assert current_release(site) == quick_bundles[0].id
    assert tree(site) == expected_tree(quick_bundles[0].id)


def test_no_permission_to_make_the_folder(sshd: SshServer, cli: Callable[..., Any], quick_bundles: Bundles) -> None:
    sshd.become_nobody()
    board = ("--host", sshd.host, "--ssh-config", sshd.config)
    done = cli("deploy", quick_bundles[0].archive, *board, "--path", sshd.folder / "kws")
    assert done.exit_code == 2
    assert f"Cannot make the folder {sshd.folder}/kws/releases on board: permission denied" in done.stderr
    assert not (sshd.folder / "kws").exists()


@pytest.mark.parametrize("without", [(), ("tar", "sha256sum"), ("tar", "sha256sum", "setsid", "readlink")])
def test_a_board_with_busybox_alone(
    sshd: SshServer, site: Path, run: Callable[..., Any], quick_bundles: Bundles, without: tuple[str, ...]
) -> None:
    sshd.only_busybox(without=without)
    done = run(quick_bundles[1].archive)
    if "readlink" in without:  # nothing can be told of the link there
        assert done.exit_code == 2
        assert done.stderr.count("\n") == 1
        assert current_release(site) == quick_bundles[0].id
        return
    assert done.exit_code == 0, done.stderr
    assert current_release(site) == quick_bundles[1].id
    if without:
        return
    assert run("--rollback").exit_code == 0
    assert current_release(site) == quick_bundles[0].id
    assert tree(site) == expected_tree(*(bundle.id for bundle in quick_bundles[:2]))


# The connection is cut.


class Counted(FaultyTransport):
    """Counts a tree that is copied as the one operation that it is over ssh."""

    def put_tree(self, local: Path, remote: PurePosixPath) -> None:
        self._do(f"put_tree {remote}", lambda: self._within.put_tree(local, remote))


class CutOff(Counted):
    """Has the board end the connection before the n-th operation, which then fails by itself.

    The board is this machine, so the operations before that one need not take the long way.
    """

    def __init__(self, sshd: SshServer, local: LocalTransport, cut_at: int) -> None:
        super().__init__(local)
        self._sshd, self._cut_at = sshd, cut_at
        self._ssh = SshTransport(sshd.host, config=sshd.config)

    @property
    def title(self) -> str:
        return self._ssh.title

    def _do(self, name: str, work: Callable[[], Any], half: Callable[[], object] | None = None) -> Any:
        if len(self.operations) + 1 == self._cut_at:
            self._ssh.run(["true"])  # connects
            self._sshd.cut()
            self._within = self._ssh
        return super()._do(name, work, half)

    def device(self) -> Device:
        return self._do("device", lambda: self._within.device())

    def close(self) -> None:
        self._ssh.close()


def steps(operations: list[str]) -> list[int]:
    """Return the number of the first operation of each kind: names are random, and goldens are many."""
    kinds: dict[str, int] = {}
    for number, operation in enumerate(operations, 1):
        kinds.setdefault(re.sub(r"-[0-9a-f]{8}\b|--threads.*|/goldens/.*", "", operation), number)
    return sorted(kinds.values())


def check_left(site: Path, sentence: str) -> None:
    for name in tree(site) - expected_tree():
        if "incoming" in name or name == "lock":
            assert f"{site}/{name}" in sentence, (name, sentence)


def test_the_connection_is_cut_before_each_step(
    sshd: SshServer, site: Path, quick_bundles: Bundles, tmp_path: Path
) -> None:
    first, old, new = quick_bundles[:3]
    with RememberingBoard() as board:
        deploy(old.opened, board, PurePosixPath(site))
        shutil.copytree(site, tmp_path / "before", symlinks=True)
        with Counted(SshTransport(sshd.host, config=sshd.config)) as counted:
            assert deploy(new.opened, counted, PurePosixPath(site), keep=2).removed == [first.id]
        for number in steps(counted.operations):
            shutil.rmtree(site)
            shutil.copytree(tmp_path / "before", site, symlinks=True)
            with (
                CutOff(sshd, board, number) as cut,
                pytest.raises(DeployError, match="connection to board was lost") as caught,
            ):
                deploy(new.opened, cut, PurePosixPath(site), keep=2)
            assert current_release(site) in (old.id, new.id), counted.operations[number - 1]
            check_left(site, str(caught.value))
            deploy(new.opened, board, PurePosixPath(site), keep=2, force_lock=True)
            assert current_release(site) == new.id
            assert tree(site) == expected_tree(old.id, new.id)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_connection_is_cut_while_files_are_copied(
    sshd: SshServer, run: Callable[..., Any], bundles: Bundles, share: float
) -> None:
    site = sshd.home / PATH
    with LocalTransport() as board:
        deploy(bundles[0].opened, board, PurePosixPath(site))
    size = sum(entry.bytes for entry in bundles[1].opened.manifest.files)
    proxy = Proxy(sshd.port, last_byte=int(size * share))
    try:
        sshd.connect_through(proxy.port)
        done = run(bundles[1].archive)
    finally:
        proxy.close()
    assert done.exit_code == 2
    assert "The connection to board was lost" in done.stderr
    assert f"Release {bundles[0].id} is still current. Left there: " in done.stderr
    assert current_release(site) == bundles[0].id
    check_left(site, done.stderr)


def test_a_copy_that_was_cut_off_goes_on(sshd: SshServer, run: Callable[..., Any], bundles: Bundles) -> None:
    size = sum(entry.bytes for entry in bundles[0].opened.manifest.files)
    cut = Proxy(sshd.port, last_byte=int(size * 0.8))
    sshd.connect_through(cut.port)
    assert run(bundles[0].archive).exit_code == 2
    cut.close()
    again = Proxy(sshd.port)
    sshd.connect_through(again.port)
    done = run(bundles[0].archive, "--break-lock")
    again.close()
    assert done.exit_code == 0, done.stderr
    assert again.sent < size * 0.8
    site = sshd.home / PATH
    assert current_release(site) == bundles[0].id
    assert tree(site) == expected_tree(bundles[0].id)


# The deployer is ended.


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_deployer_that_is_ended(
    sshd: SshServer, site: Path, run: Callable[..., Any], bundles: Bundles, number: signal.Signals
) -> None:
    old = current_release(site)
    command = [sys.executable, "-m", "edgequant", "deploy", bundles[1].archive, "--path", PATH]
    deployer = subprocess.Popen(
        [*command, "--host", sshd.host, "--ssh-config", sshd.config], stderr=subprocess.PIPE, text=True
    )
    wait_until((site / "lock").is_symlink)
    assert deployer.poll() is None
    deployer.send_signal(number)
    _, stderr = deployer.communicate()
    assert current_release(site) == old
    if number != signal.SIGKILL:
        assert (deployer.returncode, stderr) == (130, "interrupted\n")
        assert tree(site) == expected_tree(str(old))
        return
    assert (site / "lock").is_symlink()
    done = run(bundles[1].archive)
    assert done.exit_code == 0, done.stderr  # the lock of a process that is gone holds nobody up
    assert current_release(site) == bundles[1].id
    assert tree(site) == expected_tree(str(old), bundles[1].id)
