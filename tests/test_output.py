"""What is printed, and where it cannot be: pipes, closed streams, full disks, narrow encodings, Ctrl-C."""

import io
import json
import os
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from edgequant._cli._output import print_result, print_status
from edgequant._cli._progress import step_progress
from edgequant._cli._sizes import in_binary_units
from edgequant._cli._tables import print_facts, print_table

from .boards._waiting import said_by, wait_until

EDGEQUANT = [sys.executable, "-m", "edgequant"]
NAMES = ["[/red]x", "[bold]y[/bold]", ":smile: a:b:c", "\x1b[31mz"]
SHOWN = ["[/red]x", "[bold]y[/bold]", ":smile: a:b:c", "?[31mz"]


def shell(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in which $EDGEQUANT is the command."""
    return subprocess.run(
        ["bash", "-c", command.replace("$EDGEQUANT", " ".join(EDGEQUANT))],
        capture_output=True, text=True, encoding="latin-1", env={**os.environ, **environment}, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(("name", "shown"), list(zip(NAMES, SHOWN, strict=True)))
def test_names_are_neither_markup_nor_emoji_nor_escapes(capsys: pytest.CaptureFixture[str], name: str, shown: str):
    print_table(name, ("text",), ("number",), [(name, name)])
    print_facts([(name, name)])
    assert capsys.readouterr().out.count(shown) == 5


@pytest.mark.parametrize("hostile", ["\x1b]0;title\x07", "\x1b[2J", "\x9b31m", "\r", "\u202e"])
@pytest.mark.parametrize("terminal", [False, True])
def test_no_words_give_orders_to_the_terminal(capsys: pytest.CaptureFixture[str], hostile: str, terminal: bool):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORCE_COLOR", "1") if terminal else patch.delenv("FORCE_COLOR", raising=False)
        print_result(f"a{hostile}b\nnext")
        print_result(Text(f"a{hostile}b"), style="bold")
        print_status(f"a{hostile}b")
        print_table(f"a{hostile}b", (f"a{hostile}b",), (), [(f"a{hostile}b",)])
    captured = capsys.readouterr()
    printed = captured.out + captured.err
    assert hostile not in printed
    drawn = printed.replace("\x1b[1m", "").replace("\x1b[0m", "")  # bold is rich's own
    assert all(c.isprintable() or c == "\n" for c in drawn)
    assert "b\nnext" in printed


@pytest.mark.parametrize("text", ["[/red]x", ":smile:", "x" * 500])
def test_plain_lines_are_printed_as_they_are(capsys: pytest.CaptureFixture[str], text: str):
    print_result(text)
    print_status(text)
    captured = capsys.readouterr()
    assert captured.out == captured.err == text + "\n"


def test_nothing_is_padded_or_drawn_when_piped(cli, capsys: pytest.CaptureFixture[str]):
    print_table("title", ("text",), ("number",), [("x", "1"), ("y" * 300, "2")])
    print_facts([("name", "value"), ("longer name", "v" * 300)])
    printed = capsys.readouterr().out + cli("check", "--board", "pi4").stdout
    lines = printed.splitlines()
    assert all(line == line.rstrip() for line in lines)
    assert any("y" * 300 in line for line in lines)
    assert any("v" * 300 in line for line in lines)
    assert not set(printed) & set("┃│┏━\x1b")


def test_version(cli):
    result = cli("--version")
    assert (result.exit_code, result.stdout) == (0, f"edgequant {version('edgequant')}\n")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_an_encoding_that_lacks_a_character_prints_another(models: Path, encoding: str):
    finished = shell(f"$EDGEQUANT bench {models}/float.tflite --runs 1 --threads 1", PYTHONIOENCODING=encoding)
    assert finished.returncode == 0, finished.stderr
    micro = {"ascii": "?s", "latin-1": "µs", "utf-8": "Âµs"}[encoding]
    assert f"median {micro}" in finished.stdout


@pytest.mark.parametrize("arguments", ["check --board pi4", "check --board pi4 --json", "--help"])
def test_a_full_disk_is_one_sentence(arguments: str):
    finished = shell(f"$EDGEQUANT {arguments} > /dev/full")
    assert finished.returncode == 2
    assert finished.stderr == "error: The output cannot be printed: No space left on device.\n"


@pytest.mark.parametrize("arguments", ["check --board pi4", "check --board pi4 --json", "--help"])
def test_a_closed_output_is_nowhere(arguments: str):
    finished = shell(f"$EDGEQUANT {arguments} >&-")
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")


def test_a_closed_error_stream_hides_the_sentence_alone():
    assert shell("$EDGEQUANT check --board nowhere 2>&-").returncode == 2
    assert shell("$EDGEQUANT check --board nowhere 2>/dev/full").returncode == 2
    assert shell("$EDGEQUANT check --from - <&-").stderr.startswith("error: standard input: It is empty")


def test_a_reader_that_leaves_is_no_error():
    finished = shell("set -o pipefail; $EDGEQUANT check --board pi4 --json | true; echo $?")
    assert finished.stderr == ""
    assert finished.stdout in ("0\n", "1\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the worker in Linux's /proc")
def test_ctrl_c_is_one_line(models: Path, number: signal.Signals):
    command = [*EDGEQUANT, "bench", str(models / "int8.tflite"), "--engine", "native", "--seconds", "60"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")

    def engine_is_loaded() -> bool:
        workers = said_by(children).decode().split()
        return any(b"libedgequant" in said_by(Path(f"/proc/{worker}/maps")) for worker in workers)

    wait_until(engine_is_loaded)
    workers = children.read_text().split()
    os.kill(process.pid, number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "interrupted\n")
    assert workers
    wait_until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))


def test_a_worker_that_is_asked_nothing_says_nothing():
    command = [sys.executable, "-P", "-m", "edgequant._bench_worker"]
    lifeline, parents_end = os.pipe()
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            pass_fds=[lifeline],
            env={**os.environ, "EDGEQUANT_LIFELINE": str(lifeline)},
        )
    finally:
        os.close(lifeline)
        os.close(parents_end)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_ctrl_c_in_any_command(cli, monkeypatch: pytest.MonkeyPatch):
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("edgequant_device_checks.for_board", interrupt, raising=False)
    result = cli("check", "--board", "pi4")
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "interrupted\n")


def test_progress_forgets_the_total_of_the_step_before():
    screen = io.StringIO()
    shown = []
    with step_progress(Console(file=screen, force_terminal=True, width=80)) as progress:
        for step in (("running", 3, 40), ("measuring", 0, None), ("reading", 7, None), ("writing", 1, 2)):
            progress(*step)
            screen.seek(0)
            screen.truncate()
            wait_until(lambda: step[0] in screen.getvalue())  # noqa: B023 (it is called here)
            shown.append(screen.getvalue())
    for text, drawn in zip(("running 3/40 ", "measuring ", "reading 7 ", "writing 1/2 "), shown, strict=True):
        assert text in drawn
    assert "/" not in shown[1] + shown[2]


def test_sizes():
    assert [in_binary_units(size) for size in (0, 1023, 1024, 32 << 10, 1023 << 10, 3 << 19, 8 << 30)] == [
        "0 bytes", "1023 bytes", "1 KiB", "32 KiB", "1023 KiB", "1.5 MiB", "8 GiB",
    ]  # fmt: skip


def test_json_is_printed_whole(cli):
    assert json.loads(cli("check", "--board", "pi4", "--json").stdout)["recommendation"]["format"] == "int8"


def test_ctrl_c_tells_what_was_left_behind(cli, monkeypatch: pytest.MonkeyPatch):
    def interrupt(*_: object, **__: object) -> None:
        interruption = KeyboardInterrupt()
        interruption.add_note("/tmp/x may be left on board.")
        raise interruption

    monkeypatch.setattr("edgequant_device_checks.for_board", interrupt, raising=False)
    assert cli("check", "--board", "pi4").stderr == "interrupted\n/tmp/x may be left on board.\n"
