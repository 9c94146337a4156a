"""Rollouts over a fleet on loopback with ansible-core: whatever fails, the others go on and every board is whole."""

import json
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from edgequant_runtime import Session, SessionError

from edgequant._bundle import open_bundle, write_bundle
from edgequant._targets import Runner, find_target

from ._bundle_files import members, with_file
from ._fleet import KINDS, Fleet, FleetBoard, Outcome, running
from ._proxy import Proxy

pytestmark = [pytest.mark.slow, pytest.mark.emulated, pytest.mark.xdist_group("fleet")]

BOARDS = int(os.environ.get("EDGEQUANT_FLEET_BOARDS", "6"))  # 6 or more: each costs some seconds
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bundles(
    models: Path, runner_for: Callable[..., Runner], tmp_path_factory: pytest.TempPathFactory
) -> list[list[Path]]:
    """Two releases, each with a bundle for every kind of processor."""
    folder = tmp_path_factory.mktemp("bundles")

    def make(kind: str, seed: int) -> Path:
        path, runner = folder / f"{kind}-{seed}.tar.gz", runner_for(kind)
        write_bundle(models / "int8.tflite", find_target(kind), path, runner=runner, goldens=1, seed=seed)
        return path

    return [[make(kind, seed) for kind in KINDS] for seed in range(2)]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with running(tmp_path_factory.mktemp("fleet"), BOARDS) as boards:
        yield boards


@pytest.fixture(scope="module")
def first(fleet: Fleet, bundles: list[list[Path]]) -> Outcome:
    """The first release on all boards; what board05 was sent is counted."""
    board = fleet.boards["board05"]
    proxy = Proxy(board.port)
    board.port, port = proxy.port, board.port
    fleet.write_inventory()
    board.port = port
    done = fleet.roll_out(bundles[0])
    fleet.write_inventory()
    proxy.close()
    done.report["sent"] = proxy.sent
    return done


@pytest.fixture(scope="module")
def bad(bundles: list[list[Path]], models: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Bundles whose model differs in one bit of a weight, and whose digests fit all the same."""
    model = with_another_weight((models / "int8.tflite").read_bytes())
    folder = tmp_path_factory.mktemp("bad")
    return [with_file(members(bundle), folder / bundle.name, "model.tflite", model) for bundle in bundles[1]]


def with_another_weight(model: bytes) -> bytes:
    """Flip one bit so that the model still opens, and computes something else."""

    def outputs(content: bytes) -> list[bytes]:
        session = Session(content, engine="native")
        return list(session.run_bytes(bytes([1, 2, 3, 4])))

    right = outputs(model)
    for place in range(len(model) // 4, len(model)):
        changed = bytearray(model)
        changed[place] ^= 0x40
        try:
            if outputs(bytes(changed)) != right:
                return bytes(changed)
        except SessionError:
            continue
    raise AssertionError("no bit of the model matters")


def prove(board: FleetBoard, *, alone: bool = True) -> None:
    """What is current has its digests and runs on the board; nothing unfinished is beside it, if it is `alone`."""
    current = board.home / "kws" / "current"
    subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=current, check=True)
    golden = current / "goldens" / "0" / "input-0.npy"
    program: list[str | Path] = [board.folder / "bin" / "setsid", current / "edgequant-run", current / "model.tflite"]
    subprocess.run([*program, "--json", "--input", golden], check=True, capture_output=True)
    left = [path.name for path in (board.home / "kws" / "releases").iterdir() if path.name.startswith(".")]
    assert left == [] or not alone


def limit(*numbers: int) -> tuple[str, str]:
    return "--limit", ",".join(f"board{number:02}" for number in numbers)


def test_a_rollout_ends_with_every_board_current(fleet: Fleet, first: Outcome) -> None:
    assert first.status == 0, first.text
    assert first.states() == {"current": BOARDS}
    assert first.recap("board")["changed"] == BOARDS
    found = {(board["architecture"], board["bundle"].split("-0")[0]) for board in first.report["boards"]}
    assert found == {("armv6l", "rpi-zero"), ("armv7l", "rpi2"), ("aarch64", "rpi4")}
    assert first.text.count("PLAY [") == 3  # one board, 10 %, all
    for name, board in fleet.boards.items():
        assert board.current() == first.board(name)["release"]
        prove(board)


def test_a_second_run_changes_nothing(fleet: Fleet, first: Outcome, bundles: list[list[Path]]) -> None:
    again = fleet.roll_out(bundles[0])
    assert again.status == 0, again.text
    assert (again.recap("board")["changed"], again.recap("board")["failed"]) == (0, 0)
    assert again.states() == {"current": BOARDS}


def test_check_mode_tells_what_would_change(fleet: Fleet, first: Outcome, bundles: list[list[Path]]) -> None:
    before = fleet.current()
    done = fleet.roll_out(bundles[1], "--check", "--diff", *limit(1), rollout_serial=["100%"])
    assert done.status == 0, done.text
    assert (done.recap("board")["changed"], done.states()) == (1, {"would change": 1})
    assert f"-current: {before['board01']}" in done.text
    assert fleet.current() == before


def test_a_bit_of_the_model_stops_the_canary(fleet: Fleet, first: Outcome, bad: list[Path]) -> None:
    before = fleet.current()
    done = fleet.roll_out(bad)
    assert done.status == 2
    assert done.states() == {"failed": 1, "untouched": BOARDS - 1}
    assert "fails its smoke test, so release" in done.board("board01")["sentence"]
    assert fleet.current() == before
    prove(fleet.boards["board01"])
    page = (done.files / "fleet.html").read_text()
    assert "Not all boards are as they should be" in page and "fails its smoke test" in page
    suite = ElementTree.parse(done.files / "fleet.junit").getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == (str(BOARDS), "1", str(BOARDS - 1))


def test_boards_that_fail_are_named_and_the_others_go_on(
    fleet: Fleet, first: Outcome, bundles: list[list[Path]]
) -> None:
    old, sent = fleet.current(), first.report["sent"]
    boards = [fleet.boards[f"board{number:02}"] for number in range(1, 7)]
    cut = dict(zip(boards[:3], (0.02, 0.6, 0.95), strict=True))
    proxies = [Proxy(board.port, int(sent * part)) for board, part in cut.items()]
    ports = [board.port for board in cut]
    for board, proxy in zip(cut, proxies, strict=True):
        board.port = proxy.port
    hangs, silent = boards[3], boards[4]
    program = hangs.folder / "bin" / "setsid"
    program.write_text(program.read_text().replace("exec /usr/bin/setsid /", "exec sleep 1000.5 #", 1))
    silent.fall_silent()
    fleet.write_inventory()
    options: dict[str, Any] = {"rollout_serial": ["100%"], "rollout_max_fail_percentage": 99, "rollout_run_timeout": 3}
    done = fleet.roll_out(bundles[1], *limit(*range(1, 7)), "-T", "3", "-f", "6", **options)
    assert done.status == 2
    assert done.states() == {"failed": 5, "current": 1}
    for board in cut:
        assert re.search("lost|ended by|failed", done.board(board.host)["sentence"]), done.board(board.host)
        assert board.current() in (old[board.host], done.board(board.host)["release"])
    assert "did not end within 3 s" in done.board(hangs.host)["sentence"]
    assert "did not answer within 3 s" in done.board(silent.host)["sentence"]
    for board in cut:
        prove(board, alone=False)
    # The next run finishes them, and goes on where the copying was cut off.
    for board, port in zip(cut, ports, strict=True):
        board.port = port
    for proxy in proxies:
        proxy.close()
    program.write_text(program.read_text().replace("exec sleep 1000.5 #", "exec /usr/bin/setsid /", 1))
    silent._silence.close()  # type: ignore[union-attr]
    silent.start()
    fleet.write_inventory()
    again = fleet.roll_out(
        bundles[1], *limit(*range(1, 6)), "-f", "6", rollout_serial=["100%"], rollout_break_lock=True
    )
    assert again.status == 0, again.text
    assert again.states() == {"current": 5}
    for board in boards[:5]:
        prove(board)


def test_a_board_with_a_full_disk_keeps_its_release(fleet: Fleet, first: Outcome, bundles: list[list[Path]]) -> None:
    board = fleet.boards["board06"]
    home, environment = board.home, dict(board.environment)
    with open_bundle(bundles[0][KINDS.index(board.kind)]) as bundle:
        size = sum(entry.bytes for entry in bundle.manifest.files)
    board.have_small_disk(size * 3 // 2 // 1024 + 60)
    options: dict[str, Any] = {
        "rollout_path": "small", "rollout_serial": ["100%"], "rollout_max_fail_percentage": 99,
    }  # fmt: skip
    try:
        assert fleet.roll_out(bundles[0], *limit(6), **options).status == 0
        old = board.current("small")
        done = fleet.roll_out(bundles[1], *limit(5, 6), **options)
        assert (done.status, done.states()) == (2, {"failed": 1, "current": 1}), done.text
        assert "the disk is full: free some space there and try again" in done.board("board06")["sentence"]
        assert board.current("small") == old
        subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=board.home / "small" / "current", check=True)
    finally:
        board.home, board.environment = home, environment
        board.write_settings()


def test_a_health_command_that_fails_takes_every_board_back(
    fleet: Fleet, first: Outcome, bundles: list[list[Path]]
) -> None:
    names = ["board04", "board05", "board06"]
    before = fleet.current()
    target = bundles[0] if before["board06"] != first.board("board06")["release"] else bundles[1]
    # The first batch is well, and one board of the second is not.
    (fleet.boards["board06"].home / "ill").touch()
    command = ["sh", "-c", 'test ! -e "$HOME/ill"']
    options: dict[str, Any] = {"rollout_serial": [1, 2], "rollout_health_command": command, "rollout_roll_back": "all"}
    done = fleet.roll_out(target, *limit(4, 5, 6), **options)
    assert done.status == 2
    assert done.states() == {"failed": 1, "rolled back": 2}, done.text
    assert done.board("board06")["sentence"] == "sh fails on the board: exit code 1. It went back."
    assert {name: fleet.current()[name] for name in names} == {name: before[name] for name in names}
    for name in names:
        prove(fleet.boards[name])


def test_a_farm_proves_the_bundle_that_suits_each_board(
    fleet: Fleet, bundles: list[list[Path]], bad: list[Path], cli: Callable[..., Any], tmp_path: Path
) -> None:
    there = ["--inventory", fleet.folder / "boards.json", "--json"]
    junit = tmp_path / "smoke.xml"
    good = cli("smoke", *bundles[0], *there, "--limit", "board01,board02,board03", "--forks", "3", "--junit", junit)
    assert good.exit_code == 0, good.stderr
    report = json.loads(good.stdout)
    assert report["counts"] == {"passed": 3}
    assert {board["bundle"] for board in report["boards"]} == {bundle.name for bundle in bundles[0]}
    assert ElementTree.parse(junit).getroot()[0].get("tests") == "3"
    different = cli("smoke", *bad, *there, "--limit", "board01")
    assert (different.exit_code, json.loads(different.stdout)["boards"][0]["verdict"]) == (1, "different")
    no_inventory = cli("smoke", *bundles[0], "--inventory", tmp_path / "nothing")
    assert no_inventory.exit_code == 2
    assert no_inventory.stderr.splitlines()[-1].startswith("error: Ansible ran nothing: ")


def test_a_board_refuses_a_signature_that_it_does_not_know(
    fleet: Fleet, bundles: list[list[Path]], cli: Callable[..., Any], tmp_path: Path
) -> None:
    bundle = Path(shutil.copy(bundles[0][0], tmp_path))
    for name in ("mine", "other"):
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)]
        subprocess.run(words, check=True, capture_output=True)
        (tmp_path / f"{name}.signers").write_text(f"me@example.com {(tmp_path / f'{name}.pub').read_text()}")
    assert cli("sign", bundle, "--key", tmp_path / "mine").exit_code == 0
    shutil.copy(tmp_path / "mine.signers", fleet.boards["board01"].home / "signers")
    shutil.copy(tmp_path / "other.signers", fleet.boards["board04"].home / "signers")
    options: dict[str, Any] = {"rollout_serial": ["100%"], "rollout_path": "signed", "rollout_require_signature": True,
                               "rollout_max_fail_percentage": 99, "rollout_board_signers": "~/signers",
                               "rollout_allowed_signers": str(tmp_path / "mine.signers")}  # fmt: skip
    done = fleet.roll_out([bundle], *limit(1, 4), **options)
    assert (done.status, done.states()) == (2, {"failed": 1, "current": 1}), done.text
    assert done.board("board01")["signer"].startswith("me@example.com (ED25519")
    assert "which is nobody's in" in done.board("board04")["sentence"]
    assert not (fleet.boards["board04"].home / "signed").exists()


def playbooks() -> list[str]:
    """The playbooks of docs/fleet.md, as they are written there."""
    page = (ROOT / "docs" / "fleet.md").read_text(encoding="utf-8")
    return [
        block for block in re.findall(r"^```yaml\n(.*?)^```", page, re.DOTALL | re.MULTILINE) if "\n  hosts:" in block
    ]


def test_the_playbooks_of_the_docs_do_what_they_say(
    fleet: Fleet, first: Outcome, bundles: list[list[Path]], models: Path
) -> None:
    assert len(playbooks()) == 4
    shutil.copy(models / "int8.tflite", fleet.folder / "kws_int8.tflite")
    board = fleet.boards["board01"]
    for kind, newer in zip(KINDS, bundles[1], strict=True):
        shutil.copy(newer, fleet.folder / f"kws-{kind}.tar.gz")
    assert fleet.roll_out(bundles[0], *limit(1), rollout_path="models/kws").status == 0
    currents, latencies = [board.current("models/kws")], []
    for number, text in enumerate(playbooks()):
        playbook = fleet.folder / f"docs-{number}.yml"
        playbook.write_text(text)
        done = fleet.play(playbook, {}, *limit(1))
        assert done.status == 0, done.text
        currents.append(board.current("models/kws"))
        latencies.append(done.board("board01")["latency_us"])
    old, new = currents[:2]
    assert old != new
    assert currents == [old, new, old, old, old]  # rolled out, back on ARMv6, timed, proved
    assert latencies[2] > 0
