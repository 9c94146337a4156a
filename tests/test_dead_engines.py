"""An engine that dies, hangs or ends its process is a sentence of every command, which leaves nothing behind."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edgequant_runtime.isolation import _process

DEATHS = {
    "abort": ("os.abort()", "died of SIGABRT"),
    "segfault": ("ctypes.string_at(0)", "died of SIGSEGV"),
    "exit": ("os._exit(4)", "ended its process with exit code 4"),
    "hang": ("open({hangs!r}, 'w').close(); time.sleep(999)", "did not answer for 300 seconds and was stopped"),
}


@pytest.fixture(params=DEATHS)
def death(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, str]:
    """A statement that an engine runs, and what is said of it."""
    statement, said = DEATHS[request.param]
    hangs = tmp_path_factory.mktemp("hang") / "hangs"
    if request.param == "hang":
        monkeypatch.setattr(_process, "_await", until_it_hangs(hangs))
        monkeypatch.setattr("edgequant._bench._process.SLOWEST_SECONDS", _process.LIMIT_SECONDS / 2)
    return statement.format(hangs=str(hangs)), said


def until_it_hangs(hangs: Path) -> Callable[[int, int, float], None]:
    """Stand in for the wait for a worker: the time is up as soon as the file says that the engine hangs."""

    def wait(descriptor: int, event: int, seconds: float) -> None:
        poll = select.poll()
        poll.register(descriptor, event)
        while not poll.poll(20):
            if hangs.exists():
                hangs.unlink()
                raise TimeoutError

    return wait


@pytest.fixture
def data(tmp_path: Path) -> Path:
    np.save(tmp_path / "data.npy", np.random.default_rng(0).normal(size=(12, 1, 4)).astype(np.float32))
    return tmp_path / "data.npy"


def workers() -> list[int]:
    """The workers that this process started and that still run."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = re.search(r"^PPid:\t(\d+)$", (entry / "status").read_text(), re.MULTILINE)
            command = (entry / "cmdline").read_text()
        except OSError:
            continue
        if parent and int(parent[1]) == os.getpid() and ("isolation._worker" in command or "_bench_worker" in command):
            found.append(int(entry.name))
    return found


def check(result: Any, said: str) -> None:
    assert result.exit_code == 2, (result.stdout, result.stderr)
    assert said in result.stderr
    assert "and report it with the model" in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stderr.count("error:") == 1
    assert not workers()


def test_run(cli: Any, models: Path, data: Path, death: tuple[str, str], dying_engines: Callable[..., None]) -> None:
    statement, said = death
    dying_engines("litert", "invoke", statement)
    output = data.with_name("out.npz")
    check(
        cli("run", models / "float.tflite", "--input", data, "--output", output),
        f"LiteRT {said} while running float.tflite",
    )
    assert not output.exists()


def test_compare(
    cli: Any, models: Path, data: Path, death: tuple[str, str], dying_engines: Callable[..., None]
) -> None:
    statement, said = death
    dying_engines("onnxruntime", "invoke", statement)
    result = cli("compare", models / "float.tflite", models / "float.onnx", "--data", data)
    check(result, f"ONNX Runtime {said} while running float.onnx")


@pytest.mark.parametrize("method", ["__init__", "invoke"])
def test_bench(cli: Any, models: Path, death: tuple[str, str], method: str, dying_engines: Callable[..., None]) -> None:
    statement, said = death
    dying_engines("litert", method, statement)
    result = cli("bench", models / "int8.tflite", "--engine", "native", "--engine", "litert", "--runs", 3)
    check(result, f"LiteRT {said} while running int8.tflite")


def test_bench_with_a_profile(cli: Any, models: Path, dying_engines: Callable[..., None]) -> None:
    dying_engines("native", "profile", "os.abort()")
    result = cli("bench", models / "int8.tflite", "--runs", 3, "--profile")
    check(result, "The native engine died of SIGABRT while running int8.tflite")


def test_inspect(cli: Any, models: Path, death: tuple[str, str], dying_engines: Callable[..., None]) -> None:
    """It goes on: what keeps the native engine from the model is that it dies of it."""
    statement, said = death
    dying_engines("native", "__init__", statement)
    result = cli("inspect", models / "int8.tflite", "--json")
    assert result.exit_code == 0, result.stderr
    engines = {one["engine"]: one for one in json.loads(result.stdout)["engines"]}
    assert engines["native"]["obstacle"].startswith(f"The native engine {said} while opening int8.tflite: ")
    assert engines["litert"]["runs"]
    assert not workers()


@pytest.mark.parametrize("suffix", [".tflite", ".onnx"])
@pytest.mark.parametrize("scheme", ["fp32", "int8"])
def test_convert(
    cli: Any,
    models: Path,
    data: Path,
    suffix: str,
    scheme: str,
    death: tuple[str, str],
    dying_engines: Callable[..., None],
) -> None:
    statement, said = death
    engine, title = {".tflite": ("litert", "LiteRT"), ".onnx": ("onnxruntime", "ONNX Runtime")}[suffix]
    dying_engines(engine, "invoke", statement)
    output = data.with_name(f"out{suffix}")
    output.write_text("the old file")
    result = cli("convert", models / f"float{suffix}", "-o", output, "--quantize", scheme, "--calibration", data)
    check(result, f"{title} {said} while running ")
    assert output.read_text() == "the old file"
    assert sorted(path.name for path in output.parent.iterdir() if path.is_file()) == ["data.npy", output.name]


ABORT = "[os.abort() for info in args[0].inputs if info.is_quantized]"


@pytest.mark.parametrize(
    ("method", "statement", "doing"),
    [
        # As LiteRT died of a conformer in int8: the float model runs.
        ("invoke", f"{ABORT}; return alive(*args, **options)", "running"),
        # As it died of sums whose scales are far apart: the float model died with it, and is not to blame.
        ("__init__", f"alive(*args, **options); {ABORT}", "opening"),
    ],
)
def test_convert_whose_written_model_kills_its_engine(
    cli: Any, models: Path, data: Path, method: str, statement: str, doing: str, dying_engines: Callable[..., None]
) -> None:
    """The message names the file that was asked for."""
    dying_engines("litert", method, statement)
    output = data.with_name("out.tflite")
    result = cli("convert", models / "float.tflite", "-o", output, "--quantize", "int8", "--calibration", data)
    check(result, f"LiteRT died of SIGABRT while {doing} out.tflite")
    assert not output.exists()


def test_doctor(cli: Any, models: Path, data: Path, death: tuple[str, str], dying_engines: Callable[..., None]) -> None:
    statement, said = death
    dying_engines("native", "run", statement)
    output = data.with_name("out.tflite")
    result = cli("doctor", models / "float.tflite", "-o", output, "--calibration", data)
    check(result, f"The native engine {said} while running the float model")
    assert not output.exists()
    assert not output.with_suffix(".recipe.json").exists()


def test_bundle(cli: Any, models: Path, tmp_path: Path, dying_engines: Callable[..., None]) -> None:
    dying_engines("litert", "invoke", "os.abort()")
    output = tmp_path / "out.tar.gz"
    result = cli("bundle", models / "float.tflite", "--target", "pi5", "--engine", "litert", "-o", output)
    check(result, "LiteRT died of SIGABRT while running float.tflite")
    assert not output.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_is_stopped_leaves_no_worker(
    models: Path, data: Path, number: signal.Signals, dying_engines: Callable[..., None]
) -> None:
    noted = data.with_name("worker")
    dying_engines("litert", "invoke", f"open({str(noted)!r}, 'w').write(f'{{os.getpid()}}.'); time.sleep(999)")
    output = data.with_name("out.tflite")
    command = ["convert", models / "float.tflite", "-o", output, "--quantize", "int8", "--calibration", data]
    program = subprocess.Popen([sys.executable, "-m", "edgequant", *map(str, command)], stderr=subprocess.PIPE)
    while not (noted.exists() and noted.read_text().endswith(".")):
        time.sleep(0.02)
    program.send_signal(number)
    _, said = program.communicate()
    assert (program.returncode, said.decode().splitlines()[-1]) == (130, "interrupted")
    assert not Path(f"/proc/{noted.read_text()[:-1]}").exists()
    assert [path.name for path in output.parent.iterdir() if path.suffix == ".tflite"] == []
