"""`edgequant deploy` on this machine: options, what is printed, exit codes."""

import json
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from edgequant._deploy import deploy
from edgequant._deploy._history import Entry, History
from edgequant._transports import Finished, LocalTransport

from ._deployments import TestBundle, current_release

pytestmark = pytest.mark.slow

Bundles = list[TestBundle]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home [x] :smile:"))
    return tmp_path / "home [x] :smile:" / "kws"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--path", "kws", "--local"], "Give one of a bundle to deploy, --rollback and --list."),
        (["b.tar.gz", "--rollback", "--path", "kws", "--local"], "Give one of a bundle to deploy"),
        (["--list", "--rollback", "--path", "kws", "--local"], "Give one of a bundle to deploy"),
        (["b.tar.gz", "--path", "kws"], "Say where to deploy, once: --host USER@HOST, or --local for this machine."),
        (["b.tar.gz", "--path", "kws", "--local", "--host", "pi@x"], "Say where to deploy, once"),
        (["b.tar.gz", "--local"], "Give the folder to deploy to, such as --path models/kws."),
        (["b.tar.gz", "--local", "--path", "kws", "--ssh-config", "x"], "--ssh-config goes with --host."),
        (["b.tar.gz", "--local", "--path", "kws"], "There is no file b.tar.gz"),
        (["--list", "--local", "--path", ".."], "--path .. has '..' in it"),
        (["--rollback", "--local", "--path", "kws"], "Nothing is deployed to "),
        (["--list", "--host", "-oProxyCommand=x", "--path", "kws"], "'-oProxyCommand=x' is not a host to connect to"),
    ],
)
def test_a_mistake_is_a_sentence(
    cli: Callable[..., Any], site: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    monkeypatch.chdir(site.parent.parent)
    done = cli("deploy", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {sentence}")
    assert done.stderr.count("\n") == 1
    assert not site.exists()


def test_a_damaged_bundle_is_a_sentence(cli: Callable[..., Any], site: Path, bundles: Bundles, tmp_path: Path) -> None:
    content = bundles[0].archive.read_bytes()
    (tmp_path / "half.tar.gz").write_bytes(content[: len(content) // 2])
    done = cli("deploy", tmp_path / "half.tar.gz", "--local", "--path", "kws")
    assert done.exit_code == 2
    assert "half.tar.gz is cut off" in done.stderr
    assert not site.exists()


def test_what_a_user_sees(cli: Callable[..., Any], site: Path, bundles: Bundles) -> None:
    a, b, c = (bundle.id for bundle in bundles[:3])
    assert cli("deploy", bundles[0].archive, "--local", "--path", "kws").exit_code == 0
    assert cli("deploy", bundles[1].archive, "--local", "--path", "kws").exit_code == 0
    done = cli("deploy", bundles[2].archive, "--local", "--path", "~/kws", "--keep", "2")
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == f"Release {c} is current in {site}; before, {b} was."
    assert lines[2:5] == [
        f"current     {site}/current -> releases/{c}",
        f"previous    {b}",
        f"removed     {a}",
    ]
    done = cli("deploy", bundles[2].archive, "--local", "--path", site)
    assert done.stdout.startswith(f"Release {c} is current in {site} already, and whole: nothing was changed.")
    done = cli("deploy", "--rollback", "--local", "--path", "kws")
    assert done.stdout.startswith(f"Release {b} is current in {site} again; {c} was.")
    listed = cli("deploy", "--list", "--local", "--path", "kws").stdout.splitlines()
    assert listed[0] == f"{site} on this machine"
    assert [line.split()[:3] for line in listed[3:]] == [[b, "|", "current"], [c, "|", "|"]]


def test_a_difference_is_exit_code_1(
    cli: Callable[..., Any], site: Path, bundles: Bundles, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(self: LocalTransport, command: Any, **options: Any) -> Finished:
        finished = start(self, command, **options)
        return Finished(finished.status, finished.stdout.replace(b'"sha256": "', b'"sha256": "f'), finished.stderr)

    assert cli("deploy", bundles[0].archive, "--local", "--path", "kws").exit_code == 0
    start = LocalTransport.run
    monkeypatch.setattr(LocalTransport, "run", run)
    done = cli("deploy", bundles[1].archive, "--local", "--path", "kws", "--json")
    assert done.exit_code == 1
    document = json.loads(done.stdout)
    assert (document["exit_code"], document["changed"], document["current"]) == (1, False, bundles[0].id)
    assert document["smoke"]["verdict"] == "different"
    assert current_release(site) == bundles[0].id


def test_nothing_is_listed_where_nothing_is(cli: Callable[..., Any], site: Path) -> None:
    done = cli("deploy", "--list", "--local", "--path", "kws")
    assert done.exit_code == 0
    assert done.stdout.endswith("Nothing is current.\n")
    assert json.loads(cli("deploy", "--list", "--local", "--path", "kws", "--json").stdout)["releases"] == []
    assert not site.exists()


def test_a_release_that_cannot_be_removed_is_a_warning(site: Path, quick_bundles: Bundles) -> None:
    class Stubborn(LocalTransport):
        def remove_tree(self, remote: PurePosixPath) -> None:
            if remote.name == quick_bundles[0].id:
                raise self.run_error(remote)
            super().remove_tree(remote)

        def run_error(self, remote: PurePosixPath) -> Exception:
            from edgequant._transports import TransportError

            return TransportError(f"Cannot remove {remote} on {self.title}: permission denied.")

    with Stubborn() as board:
        for bundle in quick_bundles[:3]:
            done = deploy(bundle.opened, board, PurePosixPath(site), keep=2)
    assert (done.exit_code, done.removed) == (0, [])
    assert done.warnings == [f"Cannot remove {site}/releases/{quick_bundles[0].id} on this machine: permission denied."]


# The history.


A, B, C = "a" * 16, "b" * 16, "c" * 16


def history(*releases: str) -> History:
    return History(tuple(Entry(release) for release in releases))


@pytest.mark.parametrize(
    ("releases", "current", "before"),
    [
        ([], None, None),
        ([A], A, None),
        ([A, B], B, A),
        ([A, B, C], B, A),  # a deployment of C or a rollback from it was cut off
        ([A, B, A], A, B),
        ([A, B, A], B, A),
        ([A, B], C, B),  # the line of C was lost
        ([A, A], A, None),
        ([], A, None),
    ],
)
def test_what_was_before(releases: list[str], current: str | None, before: str | None) -> None:
    assert history(*releases).before(current) == before


def test_a_history_that_was_lost_begins_with_what_is_current() -> None:
    assert [entry.release for entry in History().switched(A, Entry(B)).entries] == [A, B]


def test_a_history_is_read_as_it_was_written() -> None:
    written = History((Entry(A, "2026-01-02T03:04:05Z", "anna maria@laptop"), Entry(f"{B}-2")))
    assert History.parse(written.text) == written


def test_lines_of_something_else_are_left_out() -> None:
    text = f"# a comment\n{A} 2026 anna and what a newer version adds\n\n{B[:5]}\n../{C}\n{C.upper()}\n"
    assert [entry.release for entry in History.parse(text).entries] == [A]


def test_a_history_does_not_grow_without_end() -> None:
    grown = history(*[A, B] * 5000)
    assert len(grown.text.splitlines()) <= 200
    assert grown.newest_first == (B, A)
