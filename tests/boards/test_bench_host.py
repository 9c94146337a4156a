import ast
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import pytest

from edgequant import _bench_worker
from edgequant._bench import BenchReport, _board, bench_on_board
from edgequant._bench._conditions import Conditions, State, parse_state, read_state
from edgequant._errors import EdgequantError
from edgequant._targets import Runner
from edgequant._transports import Finished, LocalTransport, TransportError


@pytest.fixture(scope="session")
def program(local_runner: Runner) -> Path:
    return local_runner.program


class Board(LocalTransport):
    """This machine, which notes what is run and may answer otherwise: `answers` maps a program's name to an answer."""

    title = "pi@board"

    def __init__(self, **answers: Finished | Exception) -> None:
        super().__init__()
        self.commands: list[list[str]] = []
        self.answers = answers
        self.folders: list[Path] = []

    def run(self, command: Sequence[str | PurePosixPath], *, stdin: bytes = b"", timeout: float = 60) -> Finished:
        self.commands.append([str(word) for word in command])
        self.folders += self._temporary_folders - {*self.folders}
        answer = self.answers.get(PurePosixPath(command[0]).name.replace("-", "_"))
        if isinstance(answer, Exception):
            raise answer
        return answer or super().run(command, stdin=stdin, timeout=timeout)


def time_on(board: Board, models: Sequence[Path], program: Path, **options: object) -> BenchReport:
    with board:
        return bench_on_board(models, board, **{"runner": program, "runs": 4, "threads": [1], **options})


def test_engines_take_turns_on_the_board(models, program):
    board = Board()
    options = {"engines": ["native", "litert"], "python": sys.executable, "profile": True}
    report = time_on(board, [models / "int8.tflite"], program, **options)
    native, litert = report.results
    assert (native.engine, litert.engine) == ("native", "litert")
    assert native.engine_version.startswith("edgequant-run ")
    assert litert.engine_version.startswith("ai-edge-litert ")
    assert native.profile[0].operators == "FULLY_CONNECTED"
    assert native.profile[0].runs == 100
    assert litert.profile is None
    for result in report.results:
        assert (result.runs, report.rounds) == (4, 4)
        assert 0 < result.min_us <= result.median_us <= result.p95_us
        assert 0 < result.baseline_rss_bytes <= result.peak_rss_bytes
        assert result.load_ms > 0
        assert result.format == "int8"
    assert native.peak_rss_bytes < 10e6 < litert.peak_rss_bytes
    programs = [PurePosixPath(command[0]).name for command in board.commands]
    python = Path(sys.executable).name
    assert programs == ["sh", *["edgequant-run", python] * 5, "edgequant-run", "sh"]


def test_a_model_that_needs_a_size_is_timed_with_it(models, program):
    board, engines = Board(), ["native", "litert"]
    shapes = {"input_shapes": {"audio": (1, 1, 9, 2)}, "python": sys.executable}
    report = time_on(board, [models / "windows.tflite"], program, engines=engines, profile=True, **shapes)
    assert [result.engine for result in report.results] == engines
    assert [step.macs for step in report.results[0].profile] == [5 * 5 * 2 * 3]  # 5 windows of 9 samples


def test_the_report_says_where_it_was_measured(models, program):
    report = time_on(Board(), [models / "int8.tflite"], program)
    document = json.loads(json.dumps(report.to_dict()))
    assert document["host"] == "pi@board"
    assert document["device"]["word_size"] in (32, 64)
    assert document["conditions"]["before"].keys() == {"governors", "load_average", "celsius", "throttled"}
    assert document["left_out"] == []


def test_a_turn_ends_by_time_or_after_many_runs(models, program, monkeypatch):
    board = Board()
    report = time_on(board, [models / "int8.tflite"], program, runs=None, seconds=0.01)
    assert report.rounds == 3
    assert report.results[0].runs == 30_000
    assert board.commands[2][-6:] == ["--repeat", "10000", "--seconds", "0.25", "--warmup", "0.1"]


def test_nothing_is_left_behind(models, program):
    board = Board()
    time_on(board, [models / "int8.tflite"], program)
    (folder,) = board.folders
    assert not folder.exists()


def test_every_core_of_the_board_is_used_unless_told_otherwise(models, program):
    board = Board()
    report = time_on(board, [models / "int8.tflite"], program, threads=(), runs=1)
    assert report.results[0].threads == board.device().cpu_count


def test_odd_names_of_models_reach_no_shell(models, program, tmp_path):
    odd = tmp_path / 'it\'s "odd" $HOME\n-x ü.tflite'
    odd.write_bytes((models / "int8.tflite").read_bytes())
    report = time_on(Board(), [odd], program, engines=["native", "litert"], python=sys.executable)
    assert [result.model for result in report.results] == [str(odd)] * 2


def test_errors_name_the_model_and_not_its_copy(models, program):
    class Damaging(Board):
        def put(self, local: Path, remote: PurePosixPath, *, mode: int = 0o644) -> None:
            super().put(local, remote, mode=mode)
            if local.suffix == ".tflite":
                Path(remote).write_bytes(b"\0\0\0\0TFL3" + bytes(64))

    starts = {"native": "native cannot run int8.tflite on pi@board: ", "litert": "No engine can open int8.tflite: "}
    for engine, start in starts.items():
        with pytest.raises(EdgequantError) as raised:
            time_on(Damaging(), [models / "int8.tflite"], program, engines=[engine], python=sys.executable)
        assert start in str(raised.value)
        assert "edgequant-" not in str(raised.value)
        assert "model-0" not in str(raised.value)


def test_two_models_of_one_name_are_two(models, program, tmp_path):
    same = tmp_path / "int8.tflite"
    same.write_bytes((models / "float.tflite").read_bytes())
    report = time_on(Board(), [models / "int8.tflite", same], program, engines=["native"])
    assert [result.format for result in report.results] == ["int8", "fp32"]


def test_a_python_path_starts_from_the_home_there(models, program, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    python = tmp_path / "my venv" / "python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\necho it was found >&2\nexit 3\n")
    python.chmod(0o755)
    for path in ("~/my venv/python", "my venv/python", str(python)):
        with pytest.raises(EdgequantError, match="my venv/python of pi@board cannot run litert: it was found"):
            time_on(Board(), [models / "float.tflite"], program, engines=["litert"], python=path)


def test_what_the_board_lacks_is_a_sentence(models, program):
    for options, answers, sentence in (
        ({"python": "python9"}, {}, "python9 of pi@board cannot run litert: python9: not found"),
        ({"python": "/usr/bin/false"}, {}, "/usr/bin/false of pi@board cannot run litert: exit code 1"),
        ({"python": "/bin/true"}, {}, "/bin/true of pi@board gave no answer that edgequant understands"),
        (
            {},
            {"python3": Finished(1, stderr=b"Traceback ...\nModuleNotFoundError: No module named 'numpy'\n")},
            "python3 of pi@board cannot run litert: ModuleNotFoundError: No module named 'numpy'. Name one that can",
        ),
        (
            {},
            {"python3": Finished(0, b'{"error": "The engine \'litert\' is not installed: pip install x."}\n')},
            "python3 of pi@board: The engine 'litert' is not installed: pip install x.",
        ),
        ({}, {"python3": Finished(128 + signal.SIGILL)}, "litert was ended by SIGILL with float.tflite on pi@board"),
    ):
        with pytest.raises(EdgequantError) as raised:
            time_on(Board(**answers), [models / "float.tflite"], program, **options)
        assert sentence in str(raised.value)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (
            Finished(128 + signal.SIGILL),
            "native was ended by SIGILL with int8.tflite on pi@board: the processor does not",
        ),
        (Finished(128 + signal.SIGKILL), "may have run out of memory"),
        (Finished(0, b"hello"), "gave no answer that edgequant understands"),
        (Finished(0, b'{"version": "0.1.0"}'), "gave no answer that edgequant understands"),
        (Finished(0, b"[]"), "gave no answer that edgequant understands"),
        (
            Finished(2, stderr=b"edgequant-run: there is no option --latencies: see edgequant-run --help\n"),
            "edgequant-run that --runner names is older than this edgequant: make one with edgequant build-runner",
        ),
        (
            Finished(2, stderr=b"edgequant-run: --threads 300: give a number from 1 to 256\n"),
            "native cannot run int8.tflite on pi@board: --threads 300: give a number",
        ),
        (
            Finished(2, stderr=b"/x: 1: \x7fELF\xff\x01: not found"),
            r"edgequant-run does not start on pi@board \(/x: 1: \?ELF\ufffd\?: not found\): it must be a program for ",
        ),
        (TransportError("The connection is gone."), "The connection is gone."),
    ],
)
def test_a_runner_that_fails_is_a_sentence(models, program, answer, sentence):
    board = Board(edgequant_run=answer)
    with pytest.raises(EdgequantError, match=sentence):
        time_on(board, [models / "int8.tflite"], program)
    assert not any(folder.exists() for folder in board.folders)


def test_an_engine_that_is_missing_may_be_left_out_but_not_all(models, program):
    options = {"engines": ["native", "litert"], "python": "python9", "leave_out": True}
    report = time_on(Board(), [models / "int8.tflite"], program, **options)
    assert [result.engine for result in report.results] == ["native"]
    assert "python9 of pi@board cannot run litert" in report.notes[0]
    with pytest.raises(EdgequantError, match="python9 of pi@board"):
        time_on(Board(), [models / "int8.tflite"], program, **{**options, "engines": ["litert"]})
    lost = Board(python9=TransportError("The connection is gone."))
    with pytest.raises(TransportError, match="gone"):
        time_on(lost, [models / "int8.tflite"], program, **options)


def test_wrong_models_are_refused_before_anything_is_copied(models, program):
    board = Board()
    with pytest.raises(EdgequantError, match="is run by native or litert, not by onnxruntime"):
        time_on(board, [models / "int8.tflite"], program, engines=["onnxruntime"])
    with pytest.raises(EdgequantError, match="0 runs measure nothing"):
        time_on(board, [models / "int8.tflite"], program, runs=0)
    assert board.commands == []


def test_emulated_boards_are_not_timed(models, program):
    board = Board()
    board.is_emulated = True
    with pytest.raises(EdgequantError, match="Times under emulation say nothing"):
        time_on(board, [models / "int8.tflite"], program)


def test_no_runner_for_a_strange_processor(models, monkeypatch):
    board = Board()
    device = board.device()
    monkeypatch.setattr(Board, "device", lambda self: type(device)(**{**vars(device), "architecture": "riscv64"}))
    with board, pytest.raises(EdgequantError, match="pi@board is riscv64, for which no edgequant-run is built"):
        bench_on_board([models / "int8.tflite"], board)


def test_the_worker_runs_on_old_pythons():
    ast.parse(Path(_bench_worker.__file__).read_text(), feature_version=(3, 9))


def test_the_packed_worker_needs_no_installation(models, tmp_path):
    packed = _board._pack_worker(tmp_path)
    (tmp_path / "numpy.py").write_text("raise ImportError('a file beside it is not taken')")
    requests = [
        {"model": str(models / "float.onnx"), "engine": "onnxruntime", "threads": 1},
        {"runs": 2, "seconds": None, "warm_up": 0.0},
    ]
    command = [sys.executable, "-W", "error", packed, *map(json.dumps, requests)]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=True)
    loaded, taken = map(json.loads, done.stdout.splitlines())
    assert loaded["engine_version"].startswith("onnxruntime ")
    assert len(taken["latencies_ns"]) == 2


class TestConditions:
    def test_states_of_a_pi(self):
        text = (
            "Welcome!\ngovernor ondemand\ngovernor ondemand\ngovernor performance\nload 0.07\nmillicelsius 48312\n"
            "millicelsius 51000\nmillicelsius bad\nthrottled 0x50005\n"
        )
        assert parse_state(text) == State(("ondemand", "performance"), 0.07, 51.0, 0x50005)

    def test_the_script_asks_vcgencmd(self, tmp_path, monkeypatch):
        program = tmp_path / "vcgencmd"
        program.write_text('#!/bin/sh\n[ "$1" = get_throttled ] && echo throttled=0x50005\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        with LocalTransport() as here:
            state = read_state(here)
        assert state.throttled == 0x50005
        assert state.load_average is not None

    def test_boards_that_tell_nothing(self):
        assert parse_state("") == State()
        assert parse_state("governor \nload \nthrottled \nthrottled 0xzz\nload nan\n") == State()

    def test_a_quiet_board_has_no_notes(self):
        quiet = State(("performance",), 0.1, 45.0, 0)
        assert Conditions(quiet, quiet).notes == ()
        assert Conditions(State(), State()).notes == ()

    @pytest.mark.parametrize(
        ("before", "after", "sentence"),
        [
            (State(throttled=0), State(throttled=0x50005), "while it was timed: its supply voltage was too low"),
            (State(throttled=0), State(throttled=0x80008), "while it was timed: it reached the soft limit"),
            (State(throttled=0x40000), State(throttled=0x40004), "while it was timed: it was throttled for heat"),
            (State(throttled=0x10000), State(throttled=0x10000), "at some time since its start: its supply voltage"),
            (State(), State(("ondemand",)), "governor ondemand"),
            (State(load_average=1.5), State(), "busy before the start (load average 1.50)"),
        ],
    )
    def test_what_spoils_figures_is_told(self, before, after, sentence):
        assert any(sentence in note for note in Conditions(before, after).notes)
