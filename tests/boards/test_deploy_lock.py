"""Two deployers, and deployers that were killed."""

import multiprocessing
import os
import random
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlencode

import pytest

from edgequant._deploy import DeployError, Deployment, LockedError, deploy, list_releases, rollback
from edgequant._transports import LocalTransport, Transport
from edgequant._transports._faulty import FaultyTransport

from ._deployments import RememberingBoard, TestBundle, current_release, expected_tree, tree

pytestmark = pytest.mark.slow

Bundles = list[TestBundle]
KILLS = int(os.environ.get("EDGEQUANT_EXAMPLES", "20")) * 3 // 4


@pytest.fixture(scope="module")
def board() -> Iterator[LocalTransport]:
    with RememberingBoard() as transport:
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


# Somebody breaks the lock of a deployer that was not gone, but only slow.


class Slow(FaultyTransport):
    """Leaves it to `meanwhile` when its n-th operation is done."""

    def __init__(self, within: Transport, meanwhile: Callable[[Callable[[], Any]], Any], at: int) -> None:
        super().__init__(within)
        self.meanwhile, self.at = meanwhile, at

    def _do(self, name: str, work: Callable[[], Any], half: Callable[[], object] | None = None) -> Any:
        is_slow = len(self.operations) + 1 == self.at
        return super()._do(name, (lambda: self.meanwhile(work)) if is_slow else work, half)


@pytest.fixture
def again(site: Path, board: LocalTransport, quick_bundles: Bundles, tmp_path: Path) -> Callable[[], None]:
    """Set the folder back to where the second bundle is current after the first."""
    deploy(quick_bundles[1].opened, board, PurePosixPath(site))
    site.rename(tmp_path / "before")

    def again() -> None:
        shutil.rmtree(site, ignore_errors=True)
        shutil.copytree(tmp_path / "before", site, symlinks=True)

    return again


@pytest.mark.parametrize("other", ["deployment", "rollback"])
@pytest.mark.parametrize("slow", ["deployment", "rollback"])
def test_whenever_a_lock_is_broken_what_is_current_is_whole(
    again: Callable[[], None], board: LocalTransport, site: Path, quick_bundles: Bundles, slow: str, other: str
) -> None:
    def act(kind: str, transport: Transport, number: int, keep: int) -> Deployment:
        if kind == "rollback":
            return rollback(transport, PurePosixPath(site), force_lock=True)
        return deploy(quick_bundles[number].opened, transport, PurePosixPath(site), keep=keep, force_lock=True)

    def meanwhile(work: Callable[[], Any]) -> Any:
        with suppress(DeployError):  # a second rollback finds nothing
            act(other, board, 2 if slow == "rollback" else 0, keep=2)
        return work()

    again()
    counted = Slow(board, meanwhile, 0)
    act(slow, counted, 2, keep=3)
    locked, switched = (
        next(place for place, name in enumerate(counted.operations, 1) if re.match(step, name))
        for step in ("make_link .*/lock$", "rename .*/current$")
    )
    for number, operation in enumerate(counted.operations, 1):
        again()
        error = None
        try:
            act(slow, Slow(board, meanwhile, number), 2, keep=3)
        except DeployError as caught:
            error = caught
            assert re.search(rf"{current_release(site)} (is|is still|was made) current", str(error)), operation
        assert current_release(site) is not None, operation
        if locked < number <= switched:
            assert isinstance(error, LockedError), operation
        if locked < number < switched:
            assert current_release(site) == quick_bundles[2 if (slow, other) == ("rollback", "deployment") else 0].id


@pytest.mark.parametrize("step", ["rename .*/current$", "remove_tree .*/releases/[^/]*$"])
@pytest.mark.parametrize("number", [0, 3])
def test_whenever_a_slow_deployer_wakes_up_what_is_current_is_whole(
    again: Callable[[], None], board: LocalTransport, site: Path, quick_bundles: Bundles, step: str, number: int
) -> None:
    """It is stopped right before a step, and does the rest before each operation of the one who breaks its lock."""

    def act(number: int, transport: Transport) -> None:
        with suppress(DeployError):
            deploy(quick_bundles[number].opened, transport, PurePosixPath(site), keep=2, force_lock=True)

    again()
    counted = Slow(board, lambda work: work(), 0)
    act(2, counted)
    at = next(place for place, name in enumerate(counted.operations, 1) if re.match(step, name))

    def wake_it_before(moment: int) -> list[str]:
        again()
        stopped, going = threading.Event(), threading.Event()
        slow = Slow(board, lambda work: (stopped.set(), going.wait(), work())[-1], at)
        thread = threading.Thread(target=act, args=(2, slow), daemon=True)
        thread.start()
        stopped.wait()
        quick = Slow(board, lambda work: (going.set(), thread.join(), work())[-1], moment)
        act(number, quick)
        going.set()
        thread.join()
        assert current_release(site) is not None, quick.operations[:moment][-1:]
        return quick.operations

    moment = 1
    while len(wake_it_before(moment)) >= moment:
        moment += 1
    assert moment > 20


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
        if attempt:  # the first one is left alone
            deployer.join(moments.uniform(0, seconds))
            deployer.kill()
        deployer.join()
        if deployer.exitcode == 0:
            seconds = time.monotonic() - begin
        found.add((current_release(site) == new.id, (site / "lock").is_symlink()))
        with LocalTransport() as board:
            deploy(new.opened, board, PurePosixPath(site), keep=2)
        assert current_release(site) == new.id
        assert tree(site) == expected_tree(old.id, new.id)
    assert {(False, True), (True, False)} <= found, "no kill came in the middle"
