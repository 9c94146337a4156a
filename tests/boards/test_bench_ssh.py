"""`edgequant bench --host` and `edgequant check --host --measure` against a real sshd."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edgequant._bench import bench_on_board
from edgequant._cli import _measuring
from edgequant._targets import Runner
from edgequant._transports import FaultyTransport, SshTransport, TransportError

from ._sshd import LOGINS_THAT_FAIL, SshServer
from ._waiting import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def program(local_runner: Runner) -> Path:
    return local_runner.program


@pytest.fixture
def bench(cli, sshd, models, program) -> Callable[..., Any]:
    """Run `edgequant bench` on the board; afterwards nothing may be left there."""

    def run(*arguments: object) -> Any:
        given = ("--host", sshd.host, "--ssh-config", sshd.config, "--runner", program, "--threads", 1, "--runs", 3)
        return cli("bench", models / "int8.tflite", *given, *arguments)

    return run


@pytest.fixture(autouse=True)
def nothing_is_left(sshd: SshServer) -> Iterator[None]:
    yield
    wait_until(lambda: not remains(sshd))


def remains(sshd: SshServer) -> list[str]:
    """Return what is left in the board's folders, and what runs there: the board takes a moment to notice."""
    folders = (sshd.home, Path(sshd.environment["TMPDIR"]))
    return [path.name for folder in folders for path in folder.iterdir()] + sshd.programs()


def one_sentence(result: Any, *parts: str) -> None:
    assert result.exit_code == 2, result.stdout
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    for part in parts:
        assert part in result.stderr


def test_native_and_litert_on_a_board(bench, sshd):
    result = bench("--engine", "native", "--engine", "litert", "--python", sys.executable, "--json", "--profile")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert (document["host"], document["rounds"]) == (sshd.host, 3)
    assert document["device"]["architecture"]
    assert [entry["engine"] for entry in document["results"]] == ["native", "litert"]
    assert [entry["runs"] for entry in document["results"]] == [3, 3]
    assert document["results"][0]["profile"][0]["operators"] == "FULLY_CONNECTED"


def test_the_table_says_where(bench):
    result = bench()
    assert result.exit_code == 0, result.stderr
    assert "3 rounds in" in result.stdout
    assert "s on board, every configuration" in result.stdout


def test_an_agent_has_the_key(bench, sshd):
    sshd.use_agent()
    assert bench("--json").exit_code == 0


def test_a_board_with_busybox_only(bench, sshd):
    sshd.only_busybox(without=("tar", "setsid"))
    result = bench("--json")
    assert result.exit_code == 0, result.stderr
    one_sentence(bench("--engine", "litert"), "python3 of board cannot run litert", "not found", "--python")


def test_a_user_who_may_write_to_the_temporary_folder_only(bench, sshd):
    sshd.become_nobody()
    assert bench("--json").exit_code == 0


@pytest.mark.parametrize(("make_wrong", "sentence"), LOGINS_THAT_FAIL)
def test_a_login_that_fails(bench, sshd, make_wrong, sentence):
    make_wrong(sshd)
    one_sentence(bench(), sentence)


def test_a_board_that_hangs(sshd, models, program):
    sshd.fall_silent()
    board = SshTransport(sshd.host, config=sshd.config, connect_seconds=1)
    with board, pytest.raises(TransportError, match="board did not answer within 1 s"):
        bench_on_board([models / "int8.tflite"], board, runner=program, runs=1)


def test_a_full_disk(bench, sshd, program):
    sshd.have_small_disk(program.stat().st_size // 1024 - 50)
    one_sentence(bench(), "Cannot write", "the disk is full")


def test_a_model_that_is_too_large_for_the_disk_of_check(cli, sshd, models, program, tmp_path):
    large = tmp_path / "large.tflite"
    large.write_bytes((models / "int8.tflite").read_bytes() + bytes(2**20))
    sshd.have_small_disk(512)
    result = cli("check", "--host", sshd.host, "--ssh-config", sshd.config, "--measure", large, "--runner", program)
    assert result.exit_code == 2
    assert "Take int8 with" in result.stdout
    assert result.stderr.startswith("error: Nothing was measured, so the rules alone decide. Cannot write ")
    assert result.stderr.count("\n") == 1


class Cut(FaultyTransport):
    """A connection over ssh that the board's side ends before an operation."""

    def __init__(self, sshd: SshServer, number: int) -> None:
        super().__init__(SshTransport(sshd.host, config=sshd.config))
        self._sshd, self._number = sshd, number

    def _do(self, name: str, work: Callable[[], Any], half: object = None) -> Any:
        self.operations.append(name)
        if len(self.operations) == self._number:
            self._sshd.cut()
        return work()


def test_a_connection_that_is_cut_at_any_step(sshd, models, program):
    def bench(board: Cut) -> None:
        with board:
            bench_on_board([models / "int8.tflite"], board, runner=program, threads=(1,), runs=1, profile=True)

    whole = Cut(sshd, 0)
    bench(whole)
    steps = [name.split()[0] for name in whole.operations]
    assert steps == ["device", "run", "make", "put", "put", *["run"] * 4, "remove"]
    for number in range(2, len(steps)):  # the first step connects
        with pytest.raises(TransportError, match=r"The connection to board was lost( \(.*\))?: "):
            bench(Cut(sshd, number))
        wait_until(lambda: not remains(sshd))
    bench(Cut(sshd, len(steps)))  # all is known by then, and the board removes the folder by itself


def test_a_connection_that_is_cut_during_a_turn(sshd, models, program, cli):
    arguments = ("--host", sshd.host, "--ssh-config", sshd.config, "--runner", program, "--seconds", 60)
    cutter = threading.Thread(target=lambda: (wait_until_it_runs(sshd), sshd.cut()))
    cutter.start()
    one_sentence(cli("bench", models / "int8.tflite", *arguments), "The connection to board was lost")
    cutter.join()


def wait_until_it_runs(sshd: SshServer) -> None:
    wait_until(lambda: "edgequant-run" in sshd.programs())


def test_ctrl_c_ends_it_and_leaves_nothing(sshd, models, program):
    words = ["--host", sshd.host, "--ssh-config", sshd.config, "--runner", program, "--seconds", "60"]
    command = [sys.executable, "-m", "edgequant", "bench", models / "int8.tflite", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_until_it_runs(sshd)
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=60)
    assert (process.returncode, complaint) == (130, "interrupted\n")


def test_check_measures_on_the_board(cli, sshd, models, program, monkeypatch):
    monkeypatch.setattr(_measuring, "SECONDS", 0.01)
    arguments = ("check", "--host", sshd.host, "--ssh-config", sshd.config, "--runner", program)
    result = cli(*arguments, "--measure", models / "int8.tflite", "--python", "python9", "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["recommendation"]["measured"] is True
    assert document["recommendation"]["engine"] == "native"
    assert document["measurement"]["host"] == sshd.host
    assert ["python9" in sentence for sentence in document["measurement"]["left_out"]] == [True]


def test_check_needs_the_connection_for_its_rules_too(cli, sshd, models):
    sshd.stop()
    arguments = ("check", "--host", sshd.host, "--ssh-config", sshd.config, "--measure", models / "int8.tflite")
    one_sentence(cli(*arguments), "board refuses the connection")
