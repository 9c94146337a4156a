"""A bundle's service: what is in the bundle, and `deploy --service` on boards whose systemd is a stand-in."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from edgequant._bundle import BundleError, DamagedBundleError, Service, open_bundle, write_bundle
from edgequant._bundle._manifest_json import read_manifest
from edgequant._bundle._service import FOLDER_MARK
from edgequant._deploy import DeployError, deploy, list_releases, remove, rollback
from edgequant._targets import Runner, find_target
from edgequant._transports import LocalTransport

from ._bundle_files import make
from ._deployments import current_release, without_probing
from ._sshd import SshServer
from ._systemd import install
from ._waiting import wait_until

LINES = "while echo 1,2,3; do sleep 0.2; done"  # what a sensor says
SITE = "models/sensor 100%"
UNIT = "edgequant-models-sensor-100.service"


@pytest.fixture(scope="module")
def network(heads: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("network") / "sensor.tflite"
    path.write_bytes(heads.head([np.zeros((1, 3))], (1, 3)))
    return path


@pytest.fixture(scope="module")
def bundles(network: Path, local_runner: Runner, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Bundles for this machine: two that answer, one whose source is not there, one that is silent, one without."""
    folder = tmp_path_factory.mktemp("bundles")
    runner = without_probing(local_runner, folder)
    services = {
        "first": Service(LINES),
        "second": Service(LINES, answers="cat >>answers.jsonl"),
        "broken": Service("no-such-camera -o -"),
        "silent": Service("sleep 1000", every=1),
        "plain": None,
    }
    for seed, (name, service) in enumerate(services.items()):
        output = folder / f"{name}.tar.gz"
        write_bundle(
            network,
            find_target("x86-64"),
            output,
            runner=runner,
            engine="native",
            goldens=1,
            seed=seed,
            service=service,
        )
    return {name: folder / f"{name}.tar.gz" for name in services}


class Board:
    """This machine, with a home folder and a systemd of the test's own."""

    def __init__(self, folder: Path, bundles: dict[str, Path]) -> None:
        self.home, self.bundles, self.systemd = folder / "home", bundles, folder / "systemd"
        self.site = self.home / SITE
        self.transport = LocalTransport()

    def deploy(self, name: str, **options: Any) -> Any:
        with open_bundle(self.bundles[name]) as bundle:
            return deploy(bundle, self.transport, PurePosixPath(self.site), **options)

    @property
    def running(self) -> dict[str, Path]:
        """The folder that each service that is up works in."""
        file = self.systemd / "state.json"
        found = json.loads(file.read_text())["running"] if file.exists() else {}
        return {unit: Path(f"/proc/{pid}/cwd").readlink() for unit, pid in found.items()}

    @property
    def release(self) -> Path:
        return (self.site / "current").resolve()


@pytest.fixture
def board(tmp_path: Path, bundles: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Board]:
    found = Board(tmp_path, bundles)
    found.home.mkdir()
    for name, value in {**install(found.systemd), "HOME": str(found.home)}.items():
        monkeypatch.setenv(name, value)
    yield found
    file = found.systemd / "state.json"
    for process in (json.loads(file.read_text())["running"] if file.exists() else {}).values():
        os.killpg(process, signal.SIGKILL)


def test_a_service_is_started_and_goes_with_its_release(board: Board) -> None:
    done = board.deploy("first", service=True)
    assert done.service.to_dict() == {
        "unit": UNIT, "running": True, "sentence": f"{UNIT} runs it, and has answered."
    }  # fmt: skip
    assert (done.exit_code, board.running) == (0, {UNIT: board.release})
    assert (board.systemd / "lingers").exists()
    unit = board.home / ".config/systemd/user" / UNIT
    assert f"\nWorkingDirectory={board.home}/models/sensor 100%%/current\n" in unit.read_text()
    again = board.deploy("first", service=True)
    assert (again.changed, again.service.sentence) == (False, f"{UNIT} runs it already.")
    plain = board.deploy("second")
    assert plain.warnings == [
        f"{UNIT} still runs the release before, until it is restarted: say --service, which does that."
    ]
    assert board.running != {UNIT: board.release}
    assert board.deploy("second", service=True).service.running
    assert board.running == {UNIT: board.release}
    wait_until(lambda: (board.release / "answers.jsonl").read_text().startswith('{"line": 1, '))
    back = rollback(board.transport, PurePosixPath(board.site), service=True)
    assert (back.exit_code, board.running) == (0, {UNIT: board.release})
    remove(board.transport, PurePosixPath(board.site))
    assert (board.running, unit.exists()) == ({}, False)


@pytest.mark.parametrize(
    ("name", "why"),
    [("broken", "no-such-camera: not found"), ("silent", "gives no answer: edgequant-run: 0 answers in ")],
)
def test_a_service_that_gives_no_answer_goes_back_with_its_release(board: Board, name: str, why: str) -> None:
    first = board.deploy("first", service=True)
    done = board.deploy(name, service=True)
    assert (done.exit_code, done.passed, done.changed, done.current) == (1, True, False, first.release)
    assert done.sentences[0].startswith(
        f"Release {done.release} does not run as a service, so release {first.release} is current in {board.site} "
        f"again. {UNIT} runs it, and has answered."
    )
    assert not done.service.running and why in done.service.sentence
    assert current_release(board.site) == first.release
    assert board.running == {UNIT: board.release}
    listed = list_releases(board.transport, PurePosixPath(board.site))
    assert (listed.current, listed.previous, len(listed.releases)) == (first.release, None, 2)


def test_the_first_release_that_gives_no_answer_leaves_nothing_current(board: Board) -> None:
    done = board.deploy("broken", service=True)
    assert (done.exit_code, done.current, board.running) == (1, None, {})
    assert "so nothing is current" in done.sentences[0]
    assert not any("is current in" in sentence for sentence in done.sentences[1:])
    assert current_release(board.site) is None
    assert list((board.home / ".config/systemd/user").iterdir()) == []


def test_going_back_to_a_release_without_a_service_stops_it(board: Board) -> None:
    board.deploy("plain")
    board.deploy("first", service=True)
    done = rollback(board.transport, PurePosixPath(board.site), service=True)
    assert (done.exit_code, board.running) == (1, {})
    assert done.service.sentence == f"Release {done.release} has no service, so {UNIT} was removed."


def test_what_a_board_or_a_bundle_lacks_is_told_before_anything_changes(board: Board, tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="has no service: make it with 'edgequant bundle --service COMMAND'"):
        board.deploy("plain", service=True)
    (board.systemd / "no-polkit").touch()
    with pytest.raises(DeployError, match=r"run 'sudo loginctl enable-linger [a-z]+' there once"):
        board.deploy("first", service=True)
    (board.systemd / "no-manager").touch()
    with pytest.raises(DeployError, match="systemd of the user on this machine does not answer"):
        board.deploy("first", service=True)
    for name in ("no-polkit", "no-manager"):
        (board.systemd / name).unlink()
    unit = board.home / ".config/systemd/user" / UNIT
    unit.parent.mkdir(parents=True)
    unit.write_text("[Service]\nWorkingDirectory=/home/pi/other/current\n")
    with pytest.raises(DeployError, match=r"is for /home/pi/other/current: deploy to a --path of another name"):
        board.deploy("first", service=True)
    (board.systemd / "bin" / "systemctl").write_text("#!/bin/sh\nexit 127\n")
    with pytest.raises(DeployError, match=r"has no systemctl: .*/service\.sh instead"):
        board.deploy("first", service=True)
    assert not board.site.exists()


@pytest.mark.slow
def test_over_ssh(sshd: SshServer, bundles: dict[str, Path], cli: Callable[..., Any], tmp_path: Path) -> None:
    sshd.environment |= install(tmp_path / "systemd")
    sshd.write_settings()
    where = ("--host", sshd.host, "--ssh-config", sshd.config, "--path", SITE, "--service", "--json")
    try:
        first = json.loads(cli("deploy", bundles["first"], *where).stdout)
        assert (first["exit_code"], first["service"]["unit"]) == (0, UNIT)
        broken = cli("deploy", bundles["broken"], *where)
        assert (broken.exit_code, json.loads(broken.stdout)["current"]) == (1, first["release"])
        state = json.loads((tmp_path / "systemd" / "state.json").read_text())
        folder = Path(f"/proc/{state['running'][UNIT]}/cwd").readlink()
        assert folder.name == first["release"]
    finally:
        state = json.loads((tmp_path / "systemd" / "state.json").read_text())
        for process in state["running"].values():
            os.killpg(process, signal.SIGKILL)


# ---- in a bundle ----


def test_the_manifest_says_what_runs(network: Path, tmp_path: Path) -> None:
    service = Service(LINES, answers="cat", every=5)
    done = make(network, tmp_path / "b.tar.gz", service=service)
    assert done.manifest.service is not None
    assert (done.manifest.service.input, done.manifest.service.every) == ("--lines -", 5)
    with open_bundle(tmp_path / "b.tar.gz") as bundle:
        script = (bundle.folder / "service.sh").read_text()
        program = "./edgequant-run model.tflite --task task.json --lines - --json"
        assert script.endswith(f"{{ {LINES}\n}} |\n    {program} |\n    {{ cat\n    }}\n")
        assert subprocess.run(["sh", "-n"], input=script, text=True).returncode == 0
        unit = (bundle.folder / "edgequant.service").read_text()
        assert "\nWatchdogSec=5\n" in unit
        assert f"    {{ {LINES}\n    }} |\n" in (bundle.folder / "README.md").read_text()
        document = json.loads((bundle.folder / "manifest.json").read_text())
    changes = {"unit": "../x.service"}, {"source": "a\nb"}, {"answers": ""}, {"input": "--output /x"}, {"every": 0}
    for change in changes:
        with pytest.raises(DamagedBundleError, match="has a service that cannot be"):
            read_manifest(json.dumps({**document, "service": {**document["service"], **change}}).encode())


def test_systemd_itself_finds_nothing_wrong_with_the_unit(network: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze, of systemd")
    make(network, tmp_path / "b.tar.gz", service=Service(LINES))
    with open_bundle(tmp_path / "b.tar.gz") as bundle:
        unit = (bundle.folder / "edgequant.service").read_text().replace(FOLDER_MARK, str(bundle.folder))
        (tmp_path / "edgequant-pets.service").write_text(unit)
        words = ["systemd-analyze", "--user", "verify", str(tmp_path / "edgequant-pets.service")]
        (tmp_path / "run").mkdir(mode=0o700)
        environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path / "run"), "HOME": str(tmp_path)}
        done = subprocess.run(words, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("service", "sentence"),
    [
        (Service("echo 'unclosed"), "is not one that a shell understands"),
        (Service("true; }; true"), "is not one that a shell understands"),
        (Service("echo 1\nreboot"), "is no single line"),
        (Service(" "), "is empty"),
        (Service(LINES, answers=""), "command of --answers is empty"),
        (Service(LINES, frames="640x480:yuv420"), "--frames is for pictures"),
        (Service(LINES, every=0), "--every 0 cannot be"),
    ],
)
def test_what_cannot_be_a_service_is_told(network: Path, tmp_path: Path, service: Service, sentence: str) -> None:
    with pytest.raises(BundleError, match=sentence):
        make(network, tmp_path / "b.tar.gz", service=service)


def test_pictures_need_their_size(heads: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "pets.tflite"
    path.write_bytes(heads.head([np.array([[0.07, 0.93]])]))
    with pytest.raises(BundleError, match="Say with --frames what pictures"):
        make(path, tmp_path / "b.tar.gz", service=Service("camera"))
    with pytest.raises(BundleError, match="not a size and a format"):
        make(path, tmp_path / "b.tar.gz", service=Service("camera", frames="640x480"))
    done = make(path, tmp_path / "b.tar.gz", service=Service("camera", frames="640x480:yuv420"))
    assert done.manifest.service is not None and done.manifest.service.input == "--frames 640x480:yuv420 --drop"


# ---- the program ----


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="sockets without a file are Linux's")
@pytest.mark.parametrize("abstract", [False, True])
def test_the_program_says_that_it_is_ready_and_alive(
    network: Path, local_runner: Runner, tmp_path: Path, abstract: bool
) -> None:
    name = f"\0edgequant-{os.getpid()}" if abstract else str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name)
        manager.settimeout(30)
        command = [local_runner.program, network, "--lines", "-"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env={"NOTIFY_SOCKET": name.replace("\0", "@")}
        ) as process:
            assert process.stdin is not None
            process.stdin.write(b"1,2,3\n")
            process.stdin.flush()
            assert manager.recv(4096).startswith(b"READY=1\nWATCHDOG=1\nSTATUS=1 answers, ")
            process.stdin.write(b"1,2,3\n" * 100)
            process.stdin.close()
            assert process.wait() == 0
        manager.settimeout(0)
        with pytest.raises(BlockingIOError):  # not for each answer
            manager.recv(4096)


def test_a_manager_that_is_gone_stops_nothing(network: Path, local_runner: Runner, tmp_path: Path) -> None:
    for socket_path in (str(tmp_path / "nobody"), "relative", "/" + "x" * 200):
        done = subprocess.run(
            [local_runner.program, network, "--lines", "-"],
            input=b"1,2,3\n",
            capture_output=True,
            env={"NOTIFY_SOCKET": socket_path},
        )
        assert (done.returncode, done.stdout) == (0, b"line 1: 4.667\n")
