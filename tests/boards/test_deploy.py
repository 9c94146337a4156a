"""Deployments on this machine: what is where afterwards, and what is said."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from edgequant._deploy import DeployError, LockedError, deploy, list_releases, parse_path, rollback
from edgequant._transports import Finished, LocalTransport
from edgequant._transports._tree import half_name

from ._deployments import TestBundle, current_release, expected_tree, tree

pytestmark = pytest.mark.slow

Bundles = list[TestBundle]


@pytest.fixture
def bundles(quick_bundles: Bundles) -> Bundles:
    """What a probe measures is not the point here."""
    return quick_bundles


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return tmp_path / "the board's models" / 'kws "ä"'


@pytest.fixture
def board() -> Iterator[LocalTransport]:
    with LocalTransport() as transport:
        yield transport


def put(board: LocalTransport, site: Path, *bundles: TestBundle, **options: Any) -> None:
    for bundle in bundles:
        assert deploy(bundle.opened, board, PurePosixPath(site), **options).exit_code == 0


def damage(site: Path, name: str, file: str = "model.tflite") -> None:
    path = site / "releases" / name / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_the_first_deployment(board: LocalTransport, site: Path, bundles: Bundles) -> None:
    done = deploy(bundles[0].opened, board, PurePosixPath(site))
    assert (done.exit_code, done.changed, done.current, done.previous, done.removed) == (
        0,
        True,
        bundles[0].id,
        None,
        [],
    )
    assert done.digest == bundles[0].opened.digest
    assert done.smoke["verdict"] == "equal"
    assert done.sentences[0] == f"Release {bundles[0].id} is current in {site}; it is the first."
    assert current_release(site) == bundles[0].id
    assert tree(site) == expected_tree(bundles[0].id)
    files = {path.relative_to(site / "current").as_posix() for path in (site / "current").rglob("*") if path.is_file()}
    assert files == {entry.path for entry in bundles[0].opened.manifest.files} | {"manifest.json", "SHA256SUMS"}


def test_a_second_one_keeps_the_first(board: LocalTransport, site: Path, bundles: Bundles) -> None:
    put(board, site, bundles[0])
    done = deploy(bundles[1].opened, board, PurePosixPath(site))
    assert (done.current, done.previous) == (bundles[1].id, bundles[0].id)
    assert current_release(site) == bundles[1].id
    assert tree(site) == expected_tree(bundles[0].id, bundles[1].id)


def test_the_same_bundle_again_changes_nothing(board: LocalTransport, site: Path, bundles: Bundles) -> None:
    put(board, site, bundles[0], bundles[1])
    history, before = (site / "history").read_text(), (site / "releases" / bundles[1].id).stat()
    done = deploy(bundles[1].opened, board, PurePosixPath(site))
    assert (done.exit_code, done.changed, done.current, done.previous) == (0, False, bundles[1].id, bundles[0].id)
    assert "already" in done.sentences[0]
    assert (site / "history").read_text() == history
    assert (site / "releases" / bundles[1].id).stat() == before
    assert tree(site) == expected_tree(bundles[0].id, bundles[1].id)


def test_a_release_that_is_there_is_used_again(board: LocalTransport, site: Path, bundles: Bundles) -> None:
    put(board, site, bundles[0], bundles[1])
    inode = (site / "releases" / bundles[0].id).stat().st_ino
    put(board, site, bundles[0])
    assert current_release(site) == bundles[0].id
    assert (site / "releases" / bundles[0].id).stat().st_ino == inode


def test_old_releases_are_removed_but_never_the_previous_one(
    board: LocalTransport, site: Path, bundles: Bundles
) -> None:
    a, b, c, d = (bundle.id for bundle in bundles)
    put(board, site, *bundles[:3], keep=3)
    assert tree(site) == expected_tree(a, b, c)
    done = deploy(bundles[3].opened, board, PurePosixPath(site), keep=1)
    assert sorted(done.removed) == sorted([a, b])
    assert tree(site) == expected_tree(c, d)


def test_names_that_are_not_releases_stay(board: LocalTransport, site: Path, bundles: Bundles) -> None:
    (site / "releases" / "mine").mkdir(parents=True)
    (site / "notes.txt").write_text("mine")
    put(board, site, *bundles, keep=2)
    assert tree(site) == expected_tree(bundles[2].id, bundles[3].id) | {"notes.txt", "releases/mine"}


@pytest.mark.parametrize(
    "file", ["model.tflite", "edgequant-run", "SHA256SUMS", "manifest.json", "goldens/0/input-0.npy"]
)
def test_a_damaged_release_is_replaced(board: LocalTransport, site: Path, bundles: Bundles, file: str) -> None:
    put(board, site, bundles[0], bundles[1])
    damage(site, bundles[0].id, file)
    put(board, site, bundles[0])
    assert current_release(site) == bundles[0].id
    assert tree(site) == expected_tree(bundles[0].id, bundles[1].id)


def test_a_damaged_current_release_is_left_for_one_beside_it(
    board: LocalTransport, site: Path, bundles: Bundles
) -> None:
    put(board, site, bundles[0], bundles[1])
    for name in (f"{bundles[1].id}-2", f"{bundles[1].id}-3"):
        damage(site, (site / "current").readlink().name)
        done = deploy(bundles[1].opened, board, PurePosixPath(site))
        assert (done.current, done.previous) == (name, bundles[0].id)
        assert current_release(site) == name
        assert tree(site) == expected_tree(bundles[0].id, name)
    assert not deploy(bundles[1].opened, board, PurePosixPath(site)).changed
    assert rollback(board, PurePosixPath(site)).current == bundles[0].id


def test_a_current_release_that_is_gone_is_put_back(board: LocalTransport, site: Path, bundles: Bundles) -> None:
    put(board, site, bundles[0], bundles[1])
    shutil.rmtree(site / "releases" / bundles[1].id)
    put(board, site, bundles[1])
    assert current_release(site) == bundles[1].id
    assert list_releases(board, PurePosixPath(site)).previous == bundles[0].id


def test_what_killed_deployers_left_is_removed(board: LocalTransport, site: Path, bundles: Bundles) -> None:
    put(board, site, bundles[0])
    (site / "releases" / f".incoming-{bundles[2].id}-01234567" / "goldens").mkdir(parents=True)
    (site / ".incoming-current-89abcdef").symlink_to("releases/nothing")
    half = half_name(PurePosixPath(site / ".incoming-history-89abcdef"))
    Path(half).write_text("half")
    put(board, site, bundles[1])
    assert tree(site) == expected_tree(bundles[0].id, bundles[1].id)


def test_names_that_only_look_unfinished_stay(board: LocalTransport, site: Path, bundles: Bundles) -> None:
    mine = {
        "my.incoming-orders",
        ".incoming-orders",
        ".incoming-current-89abcdef.txt",
        ".incoming-history-89abcdef.part",
        "releases/x.incoming-y",
        f"releases/.incoming-{bundles[0].id}-2",
    }
    for name in mine:
        (site / name).mkdir(parents=True)
    put(board, site, bundles[0])
    assert tree(site) == expected_tree(bundles[0].id) | mine


# The smoke test finds something.


class WrongArithmetic(LocalTransport):
    """Gives other outputs than the bundle was made with."""

    def run(self, command: Any, *, stdin: bytes = b"", timeout: float = 60) -> Finished:
        finished = super().run(command, stdin=stdin, timeout=timeout)
        text = finished.stdout.replace(b'"sha256": "', b'"sha256": "f') if "--json" in command else finished.stdout
        return Finished(finished.status, text, finished.stderr)


class CannotRun(LocalTransport):
    """Meets an illegal instruction in the runner."""

    def run(self, command: Any, *, stdin: bytes = b"", timeout: float = 60) -> Finished:
        is_runner = str(command[0]).endswith("edgequant-run")
        return Finished(128 + 4) if is_runner else super().run(command, stdin=stdin, timeout=timeout)


def test_a_difference_keeps_the_old_release_current(board: LocalTransport, site: Path, bundles: Bundles) -> None:
    put(board, site, bundles[0])
    with WrongArithmetic() as wrong:
        done = deploy(bundles[1].opened, wrong, PurePosixPath(site))
    assert (done.exit_code, done.changed, done.current) == (1, False, bundles[0].id)
    assert done.sentences[0].endswith(f"release {bundles[0].id} stays current in {site}.")
    assert current_release(site) == bundles[0].id
    assert tree(site) == expected_tree(bundles[0].id)


def test_a_difference_at_the_first_deployment_leaves_nothing_current(site: Path, bundles: Bundles) -> None:
    with WrongArithmetic() as wrong:
        done = deploy(bundles[0].opened, wrong, PurePosixPath(site))
    assert done.exit_code == 1
    assert "nothing is current" in done.sentences[0]
    assert tree(site) == {"releases"}


def test_a_runner_that_dies_keeps_the_old_release_current(board: LocalTransport, site: Path, bundles: Bundles) -> None:
    put(board, site, bundles[0])
    with (
        CannotRun() as broken,
        pytest.raises(DeployError, match=f"cannot run.*Release {bundles[0].id} is still current"),
    ):
        deploy(bundles[1].opened, broken, PurePosixPath(site))
    assert tree(site) == expected_tree(bundles[0].id)


def test_a_board_without_sha256sum_sends_the_files_back(site: Path, bundles: Bundles) -> None:
    class NoProgram(LocalTransport):
        def run(self, command: Any, *, stdin: bytes = b"", timeout: float = 60) -> Finished:
            if command[0] == "sh" and "sha256sum" in command[2]:
                return Finished(127, b"", b"sh: sha256sum: not found")
            return super().run(command, stdin=stdin, timeout=timeout)

    with NoProgram() as board:
        put(board, site, bundles[0])
        damage(site, bundles[0].id)
        assert deploy(bundles[0].opened, board, PurePosixPath(site)).current == f"{bundles[0].id}-2"
    assert current_release(site) == f"{bundles[0].id}-2"


def test_a_copy_that_arrives_damaged_is_not_used(board: LocalTransport, site: Path, bundles: Bundles) -> None:
    class Flips(LocalTransport):
        def put_tree(self, local: Path, remote: PurePosixPath) -> None:
            super().put_tree(local, remote)
            damage(site, remote.name)

    put(board, site, bundles[0])
    with Flips() as bad, pytest.raises(DeployError, match=r"damaged \(model.tflite\): try again"):
        deploy(bundles[1].opened, bad, PurePosixPath(site))
    assert tree(site) == expected_tree(bundles[0].id)


def test_an_old_sync_flushes_every_disk(site: Path, bundles: Bundles) -> None:
    syncs: list[int] = []

    class OldSync(LocalTransport):
        def run(self, command: Any, *, stdin: bytes = b"", timeout: float = 60) -> Finished:
            if command[0] == "sync":
                syncs.append(len(command))
                return Finished(1, b"", b"sync: invalid option -- 'f'") if len(command) > 1 else Finished(0)
            return super().run(command, stdin=stdin, timeout=timeout)

    with OldSync() as board:
        put(board, site, bundles[0])
    assert syncs == [4, 1, 4, 1]


def test_both_disks_are_flushed_where_the_releases_are_on_another_one(site: Path, bundles: Bundles) -> None:
    flushed: list[set[Path]] = []

    class Watched(LocalTransport):
        def run(self, command: Any, *, stdin: bytes = b"", timeout: float = 60) -> Finished:
            if command[0] == "sync":
                flushed.append({Path(path).resolve() for path in command[2:]})
            return super().run(command, stdin=stdin, timeout=timeout)

    site.mkdir(parents=True)
    disk = site.parent / "disk"
    disk.mkdir()
    (site / "releases").symlink_to(disk)
    with Watched() as board:
        put(board, site, bundles[0])
    assert flushed == [{site, disk}] * 2
    assert current_release(site) == bundles[0].id


def test_a_disk_that_cannot_be_flushed_is_not_trusted(board: LocalTransport, site: Path, bundles: Bundles) -> None:
    class BadDisk(LocalTransport):
        def run(self, command: Any, *, stdin: bytes = b"", timeout: float = 60) -> Finished:
            if command[0] == "sync":
                return Finished(1, b"", b"sync: error syncing '/': Input/output error")
            return super().run(command, stdin=stdin, timeout=timeout)

    put(board, site, bundles[0])
    with BadDisk() as bad, pytest.raises(DeployError, match=r"Input/output error.*is still current"):
        deploy(bundles[1].opened, bad, PurePosixPath(site))
    assert current_release(site) == bundles[0].id


# Rollback.


def test_a_rollback_goes_one_release_back_each_time(board: LocalTransport, site: Path, bundles: Bundles) -> None:
    a, b, c = (bundle.id for bundle in bundles[:3])
    put(board, site, *bundles[:3])
    done = rollback(board, PurePosixPath(site))
    assert (done.exit_code, done.changed, done.current, done.previous) == (0, True, b, a)
    assert current_release(site) == b
    assert rollback(board, PurePosixPath(site)).current == a
    with pytest.raises(DeployError, match=f"No release in .* was current before {a}"):
        rollback(board, PurePosixPath(site))
    assert current_release(site) == a
    assert tree(site) == expected_tree(a, b, c)


def test_a_rollback_undoes_the_deployment_of_an_older_release(
    board: LocalTransport, site: Path, bundles: Bundles
) -> None:
    put(board, site, bundles[0], bundles[1], bundles[0])
    assert rollback(board, PurePosixPath(site)).current == bundles[1].id
    assert rollback(board, PurePosixPath(site)).current == bundles[0].id


def test_a_rolled_back_release_is_the_first_to_go(board: LocalTransport, site: Path, bundles: Bundles) -> None:
    put(board, site, bundles[0], bundles[1])
    rollback(board, PurePosixPath(site))
    put(board, site, bundles[2])
    assert tree(site) == expected_tree(bundles[0].id, bundles[2].id)


@pytest.mark.parametrize("file", ["model.tflite", "edgequant-run", "manifest.json", "SHA256SUMS"])
def test_a_damaged_release_is_not_rolled_back_to(
    board: LocalTransport, site: Path, bundles: Bundles, file: str
) -> None:
    put(board, site, bundles[0], bundles[1])
    damage(site, bundles[0].id, file)
    with pytest.raises(DeployError, match=rf"damaged \({file}\): deploy its bundle again.*{bundles[1].id} is still"):
        rollback(board, PurePosixPath(site))
    assert current_release(site) == bundles[1].id


def test_a_rollback_to_what_fails_its_smoke_test_is_refused(
    board: LocalTransport, site: Path, bundles: Bundles
) -> None:
    put(board, site, bundles[0], bundles[1])
    with WrongArithmetic() as wrong:
        done = rollback(wrong, PurePosixPath(site))
    assert (done.exit_code, done.changed, done.current) == (1, False, bundles[1].id)
    assert current_release(site) == bundles[1].id
    assert tree(site) == expected_tree(bundles[0].id, bundles[1].id)


def test_a_rollback_of_nothing_leaves_nothing(board: LocalTransport, site: Path) -> None:
    with pytest.raises(DeployError, match="Nothing is deployed"):
        rollback(board, PurePosixPath(site))
    assert not site.exists()


@pytest.mark.parametrize("torn", ["", "\0\0\0\0", "0123", "0123\0\0"])
def test_without_its_history_the_current_release_is_still_what_a_rollback_goes_to(
    board: LocalTransport, site: Path, bundles: Bundles, torn: str
) -> None:
    put(board, site, bundles[0])
    (site / "history").write_text(torn)
    put(board, site, bundles[1])
    assert rollback(board, PurePosixPath(site)).current == bundles[0].id


# What is there is not edgequant's.


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda path: path.symlink_to("/opt/kws")])
def test_a_current_of_somebody_else_is_refused(
    board: LocalTransport, site: Path, bundles: Bundles, make: Callable[[Path], None]
) -> None:
    site.mkdir(parents=True)
    make(site / "current")
    before = (site / "current").lstat()
    with pytest.raises(DeployError, match="rename it, or deploy to another --path"):
        deploy(bundles[0].opened, board, PurePosixPath(site))
    assert (site / "current").lstat() == before
    assert tree(site) == {"current", "releases"}


@pytest.mark.parametrize(
    "text", ["../{id}", "{id}", "releases/{id}/goldens", "old/releases/{id}", "/opt/releases/{id}"]
)
def test_a_current_that_points_elsewhere_is_refused(
    board: LocalTransport, site: Path, bundles: Bundles, text: str
) -> None:
    put(board, site, bundles[0], bundles[1])
    (site / "current").unlink()
    (site / "current").symlink_to(text.format(id=bundles[1].id))
    for action in (
        lambda: deploy(bundles[1].opened, board, PurePosixPath(site)),
        lambda: rollback(board, PurePosixPath(site)),
        lambda: list_releases(board, PurePosixPath(site)),
    ):
        with pytest.raises(DeployError, match="which is no release of this version of edgequant: rename it, or"):
            action()


@pytest.mark.parametrize("content", [b"my own notes\n", b"\xff\xfe", b"0123456789abcdef0123\n", b"\n"])
def test_a_history_of_somebody_else_is_refused(
    board: LocalTransport, site: Path, bundles: Bundles, content: bytes
) -> None:
    site.mkdir(parents=True)
    (site / "history").write_bytes(content)
    with pytest.raises(DeployError, match="history on this machine is not edgequant's: rename it, or deploy to anothe"):
        deploy(bundles[0].opened, board, PurePosixPath(site))
    assert (site / "history").read_bytes() == content
    assert tree(site) == {"history", "releases"}


def test_a_lock_of_somebody_else_is_refused(board: LocalTransport, site: Path, bundles: Bundles) -> None:
    (site / "lock").mkdir(parents=True)
    with pytest.raises(LockedError, match="lock on this machine is no link, so it is not edgequant's"):
        deploy(bundles[0].opened, board, PurePosixPath(site), force_lock=True)
    assert (site / "lock").is_dir()


def test_a_path_that_is_a_file_is_refused(board: LocalTransport, tmp_path: Path, bundles: Bundles) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(DeployError, match="Cannot make the folder"):
        deploy(bundles[0].opened, board, PurePosixPath(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_to(board: LocalTransport, tmp_path: Path, bundles: Bundles) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(DeployError, match="permission denied"):
        deploy(bundles[0].opened, board, PurePosixPath(tmp_path / "kws"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("~/kws", "/home/pi/kws"),
        ("models/kws/", "/home/pi/models/kws"),
        ("/srv/kws", "/srv/kws"),
        ('it\'s "kws" ä', '/home/pi/it\'s "kws" ä'),
        ("-kws", "/home/pi/-kws"),
    ],
)
def test_a_path_starts_at_home(text: str, expected: str) -> None:
    assert parse_path(text, PurePosixPath("/home/pi")) == PurePosixPath(expected)


@pytest.mark.parametrize("text", ["", ".", "~", "~/", "/", "~anna/kws", "../kws", "a/../b", "a\nb", "a\0b", "a\x1b[1m"])
def test_a_path_that_names_no_folder_is_refused(text: str) -> None:
    with pytest.raises(DeployError, match="--path"):
        parse_path(text, PurePosixPath("/home/pi"))


def test_the_result_is_plain_json(board: LocalTransport, site: Path, bundles: Bundles) -> None:
    document = deploy(bundles[0].opened, board, PurePosixPath(site)).to_dict()
    assert json.loads(json.dumps(document, allow_nan=False))["smoke"]["verdict"] == "equal"
    assert list(document) == [
        "schema", "action", "exit_code", "sentences", "computer", "path", "digest", "release", "signer", "changed",
        "current", "previous", "removed", "warnings", "service", "smoke", "seconds",
    ]  # fmt: skip
