import hashlib
import json
import os
import signal
from pathlib import Path

import pytest
from edgequant_runtime import SessionError
from edgequant_runtime._engines._native import computes_float16

from edgequant._bench import _bench, _plan, _process, bench
from edgequant._bench._plan import Configuration, Turn
from edgequant._errors import EdgequantError

KEYS = {"model", "format", "engine", "threads", "runs", "median_us", "min_us", "p95_us", "load_ms", "peak_rss_bytes"}


def test_every_configuration_is_timed_as_often_as_asked(cli, models):
    arguments = (models / "float.tflite", models / "float.onnx", "--threads", 1, "--threads", 2, "--runs", 25, "--json")
    result = cli("bench", *arguments)
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    results = document["results"]
    assert [(entry["engine"], entry["threads"]) for entry in results] == [
        ("litert", 1),
        ("litert", 2),
        ("onnxruntime", 1),
        ("onnxruntime", 2),
    ]
    for entry in results:
        assert entry.keys() >= KEYS
        assert entry["runs"] == 25
        assert 0 < entry["min_us"] <= entry["median_us"] <= entry["p95_us"]
        assert entry["load_ms"] > 0
        assert 10e6 < entry["baseline_rss_bytes"] < entry["peak_rss_bytes"] < 1e9
        assert entry["format"] == "fp32"
        assert entry["sha256"] == hashlib.sha256(Path(entry["model"]).read_bytes()).hexdigest()
    assert results[0]["ratio"] == 1.0
    assert document["rounds"] == 20


def test_a_given_time_is_kept_to_within_a_round(models):
    report = bench([models / "float.tflite"], threads=[1], seconds=0.2)
    assert report.rounds >= 3
    assert 0.2 <= report.seconds < 5
    assert report.results[0].runs >= report.rounds


def test_one_model_may_stand_alone_and_none_is_an_error(models):
    for model in (models / "float.tflite", str(models / "float.tflite")):
        assert len(bench(model, threads=[1], runs=1).results) == 1
    with pytest.raises(EdgequantError, match="There is no model to time"):
        bench([])


def test_a_model_is_read_once_for_its_format(models, monkeypatch):
    read = []
    model_format = _bench.model_format
    monkeypatch.setattr(_bench, "model_format", lambda model: read.append(model) or model_format(model))
    report = bench([models / "float.tflite", models / "int8.tflite"], threads=[1, 2], runs=1)
    assert sorted(path.name for path in read) == ["float.tflite", "int8.tflite"]
    assert [result.format for result in report.results] == ["fp32", "fp32", "int8", "int8"]


def test_memory_is_each_configurations_own(models):
    ballast = bytearray(os.urandom(1 << 20)) * 200  # 200 MB in this process, which a child must not count as its own
    report = bench([models / "float.tflite"], threads=[1], runs=1)
    assert len(ballast) == 200 << 20
    assert report.results[0].peak_rss_bytes < 200e6


def test_rounds_share_the_runs_evenly():
    assert _plan._shares(3, 20) == [1, 1, 1]
    assert sum(_plan._shares(47, 20)) == 47
    assert set(_plan._shares(47, 20)) == {2, 3}


def test_engines_that_do_not_run_a_model_are_left_out(models):
    found = _plan.configurations([models / "float.tflite", models / "float.onnx"], ["onnxruntime", "litert"], [1, 1])
    assert [(one.model.name, one.engine, one.threads) for one in found] == [
        ("float.tflite", "litert", 1),
        ("float.onnx", "onnxruntime", 1),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("{models}/float.tflite", "--engine", "onnxruntime"), "is run by litert or native, not by onnxruntime"),
        (("{models}/missing.tflite",), "There is no file"),
        (("{models}/unknown_op.onnx",), "ONNX Runtime cannot open unknown_op.onnx"),
        (("{models}/float.tflite", "--threads", "0"), "no number of threads"),
        (("{models}/float.tflite", "--runs", "0"), "0 runs measure nothing"),
        (("{models}/float.tflite", "--seconds", "nan"), "nan seconds measure nothing"),
        (("{models}/float.tflite", "--runner", "x"), "--ssh-config, --runner and --python go with --host"),
        (("{models}/float.tflite", "--host", "-oProxyCommand=x"), "is not a host to connect to"),
    ],
)
def test_bad_input_is_one_sentence(cli, models, arguments, message):
    result = cli("bench", *(text.format(models=models) for text in arguments))
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_crash_of_one_engine_is_an_error_and_leaves_no_process(models):
    with _process.ProcessTimer(Configuration(models / "float.tflite", "litert", 1)) as timer:
        (pid,) = timer.processes
        os.kill(pid, signal.SIGSEGV)
        with pytest.raises(SessionError, match=r"^LiteRT died of SIGSEGV while running float\.tflite: "):
            timer.time(Turn(runs=1, seconds=None))
    assert not Path(f"/proc/{pid}").exists()


def test_a_model_that_cannot_be_opened_leaves_no_process(models, monkeypatch):
    started = []

    class Watched(_process.WorkerProcess):
        def __init__(self, module):
            super().__init__(module)
            started.append(self.pid)

    monkeypatch.setattr(_process, "WorkerProcess", Watched)
    with pytest.raises(SessionError, match="cannot open unknown_op"):
        bench([models / "float.onnx", models / "unknown_op.onnx"], runs=1)
    assert len(started) == 2
    assert not any(Path(f"/proc/{pid}").exists() for pid in started)


def test_what_cannot_run_here_may_be_left_out_but_not_all(models, monkeypatch):
    def refuse(self):
        if self.configuration.engine == "litert":
            raise SessionError("The engine 'litert' is not installed.")
        return enter(self)

    enter = _process.ProcessTimer.__enter__
    monkeypatch.setattr(_process.ProcessTimer, "__enter__", refuse)
    asked = {"threads": [1, 2], "runs": 1, "leave_out": True}
    report = bench(models / "int8.tflite", engines=["native", "litert"], **asked)
    assert [result.engine for result in report.results] == ["native", "native"]
    assert report.notes[0] == "The engine 'litert' is not installed."
    with pytest.raises(EdgequantError, match=r"^The engine .litert. is not installed\.$"):
        bench(models / "float.tflite", engines=["litert"], **asked)


def test_profile_is_measured_for_the_native_engine(cli, models):
    arguments = (models / "int8.tflite", models / "float.onnx", "--threads", 1, "--runs", 1, "--profile")
    result = cli("bench", *arguments)
    assert result.exit_code == 0, result.stderr
    assert "FULLY_CONNECTED" in result.stdout
    native, onnx = json.loads(cli("bench", *arguments, "--json").stdout)["results"]
    assert native["engine"] == "native"
    assert native["profile"][0]["runs"] == 100
    assert onnx["profile"] is None


def test_a_model_that_the_native_engine_runs_mostly_in_slow_code_has_a_note(models):
    report = bench([models / "float.tflite", models / "int8.tflite"], engines=["native"], runs=1, threads=[1])
    (note,) = report.slow
    assert note in report.notes and "of the work of float.tflite is in operators at which" in note
    assert bench(models / "float.tflite", engines=["litert"], runs=1, threads=[1]).slow == ()


def test_float16_is_timed_where_the_cpu_computes_with_it(cli, models):
    result = cli("bench", models / "float.tflite", "--precision", "float16", "--threads", 1, "--runs", 3, "--json")
    if computes_float16():
        assert json.loads(result.stdout)["results"][0]["engine"] == "native"
    else:
        assert result.exit_code == 2
        assert "no arithmetic on float16" in result.stderr
