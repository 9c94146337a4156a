"""Two deployers, and deployers that were killed."""

import multiprocessing
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import urlencode

import pytest

from edgequant._deploy import LockedError, deploy, list_releases, rollback
from edgequant._transports import LocalTransport

from ._deployments import TestBundle, current_release, expected_tree, tree

Bundles = list[TestBundle]
KILLS = 40


@pytest.fixture
def board() -> Iterator[LocalTransport]:
    with LocalTransport() as transport:
        yield transport


@pytest.fixture
def site(tmp_path: Path, board: LocalTransport, quick_bundles: Bundles) -> Path:
    """A folder in which the first bundle is current."""
    deploy(quick_bundles[0].opened, board, PurePosixPath(tmp_path / "kws"))
    return tmp_path / "kws"


class Met(LocalTransport):
    """Lets another deployer come while this one copies."""

    def __init__(self, other: TestBundle, site: Path, *, force_lock: bool) -> None:
        super().__init__()
        self.other, self.site, self.force_lock = other, site, force_lock
        self.error: LockedError | None = None

    def put_tree(self, local: Path, remote: PurePosixPath) -> None:
        with LocalTransport() as board:
            try:
                deploy(self.other.opened, board, PurePosixPath(self.site), force_lock=self.force_lock)
            except LockedError as error:
                self.error = error
        super().put_tree(local, remote)


def test_of_two_deployers_the_second_one_is_told(site: Path, quick_bundles: Bundles) -> None:
    with Met(quick_bundles[2], site, force_lock=False) as board:
        assert deploy(quick_bundles[1].opened, board, PurePosixPath(site)).exit_code == 0
        assert board.error is not None
        assert f"{site} on this machine is locked by " in str(board.error)
        assert f"(process {os.getpid()}) for " in str(board.error)
        assert "take over with --break-lock" in str(board.error)
    assert current_release(site) == quick_bundles[1].id
    assert tree(site) == expected_tree(quick_bundles[0].id, quick_bundles[1].id)


def test_a_deployer_whose_lock_was_broken_changes_nothing(site: Path, quick_bundles: Bundles) -> None:
    with (
        Met(quick_bundles[2], site, force_lock=True) as board,
        pytest.raises(LockedError, match="Somebody has broken this deployer's lock"),
    ):
        deploy(quick_bundles[1].opened, board, PurePosixPath(site))
    assert current_release(site) == quick_bundles[2].id
    assert tree(site) == expected_tree(quick_bundles[0].id, quick_bundles[2].id)


def test_a_listing_names_who_deploys(board: LocalTransport, site: Path) -> None:
    (site / "lock").symlink_to(urlencode({"who": "anna@laptop ä", "pid": "4711"}))
    assert list_releases(board, PurePosixPath(site)).lock == "anna@laptop ä (process 4711)"


@pytest.mark.parametrize("text", ["nonsense", "pid=x&machine=y", "pid=99999999999999999999", "boot=&machine="])
def test_a_lock_that_tells_nothing_is_respected(
    board: LocalTransport, site: Path, quick_bundles: Bundles, text: str
) -> None:
    (site / "lock").symlink_to(text)
    with pytest.raises(LockedError, match="is locked by somebody"):
        deploy(quick_bundles[1].opened, board, PurePosixPath(site))
    with pytest.raises(LockedError, match="is locked by somebody"):
        rollback(board, PurePosixPath(site))
    assert deploy(quick_bundles[1].opened, board, PurePosixPath(site), force_lock=True).exit_code == 0
    assert tree(site) == expected_tree(quick_bundles[0].id, quick_bundles[1].id)


def test_a_lock_from_before_the_board_was_restarted_is_taken_over(
    board: LocalTransport, site: Path, quick_bundles: Bundles
) -> None:
    (site / "lock").symlink_to(urlencode({"who": "anna@laptop", "pid": "1", "boot": "another", "uptime": "99"}))
    assert deploy(quick_bundles[1].opened, board, PurePosixPath(site)).exit_code == 0
    assert tree(site) == expected_tree(quick_bundles[0].id, quick_bundles[1].id)


def test_ctrl_c_leaves_nothing(site: Path, quick_bundles: Bundles) -> None:
    class Interrupted(LocalTransport):
        def put_tree(self, local: Path, remote: PurePosixPath) -> None:
            super().put_tree(local, remote)
            raise KeyboardInterrupt

    with Interrupted() as board, pytest.raises(KeyboardInterrupt):
        deploy(quick_bundles[1].opened, board, PurePosixPath(site))
    assert tree(site) == expected_tree(quick_bundles[0].id)


def test_killed_at_any_moment_the_board_runs_a_whole_release(
    site: Path, quick_bundles: Bundles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deployer gets SIGKILL; whoever comes next needs no --break-lock, because that process is gone."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # the killed ones leave files
    moments, context = random.Random(0), multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["edgequant._deploy", "edgequant._transports"])
    found, seconds = set(), 1.0
    for attempt in range(KILLS):
        old, new = (quick_bundles[(attempt + step) % 3] for step in (0, 1))
        arguments = (new.opened, LocalTransport(), PurePosixPath(site))
        deployer = context.Process(target=deploy, args=arguments, kwargs={"keep": 2})
        begin = time.monotonic()
        deployer.start()
        if attempt:  # the first one is left alone, and timed
            deployer.join(moments.uniform(0, seconds))
            deployer.kill()
        deployer.join()
        seconds = seconds if attempt else time.monotonic() - begin
        found.add((current_release(site) == new.id, (site / "lock").is_symlink()))
        with LocalTransport() as board:
            deploy(new.opened, board, PurePosixPath(site), keep=2)
        assert current_release(site) == new.id
        assert tree(site) == expected_tree(old.id, new.id)
    assert {(False, True), (True, False)} <= found, "no kill came in the middle"
