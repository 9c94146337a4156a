import json

import pytest

from edgequant._bench import BenchReport, BenchResult
from edgequant._cli import _measuring
from edgequant._cli._measuring import Measurement
from edgequant._errors import EdgequantError


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(_measuring, "SECONDS", 0.01)


def result(number_format: str | None, engine: str, median: float) -> BenchResult:
    return BenchResult(
        model=f"{number_format}.tflite", sha256="0" * 64, format=number_format, engine=engine, engine_version="1",
        threads=1, input_shapes=None, runs=1, median_us=median, min_us=median, p95_us=median, ratio=1, load_ms=1,
        peak_rss_bytes=1, baseline_rss_bytes=1,
    )  # fmt: skip


def test_this_machine_is_measured(cli, models, quick):
    arguments = ("check", "--measure", models / "int8.tflite", "--measure", models / "float.tflite")
    done = cli(*arguments, "--json")
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["recommendation"]["measured"] is True
    assert "Measured median latencies decide" in document["recommendation"]["reasons"][0]
    measured = {(entry["format"], entry["engine"]) for entry in document["measurement"]["results"]}
    assert measured == {("int8", "native"), ("int8", "litert"), ("fp32", "native"), ("fp32", "litert")}
    done = cli(*arguments)
    assert done.exit_code == 0
    assert "Measured median latencies decide" in done.stdout


def test_the_least_latency_of_a_format_and_engine_counts():
    results = (result("int8", "native", 9.0), result("int8", "native", 7.0), result(None, "litert", 1.0))
    measurement = Measurement(BenchReport(results, 3, 1.0))
    assert measurement.medians == {("int8", "native"): 7.0}
    assert "The number format of None.tflite cannot be told" in measurement.notes[0]


def test_without_the_rules_own_format_the_rule_stays_and_says_so(cli, models, quick):
    done = cli("check", "--measure", models / "float.tflite", "--json")
    recommendation = json.loads(done.stdout)["recommendation"]
    assert recommendation["measured"] is False
    assert "itself was not measured" in recommendation["reasons"][-1]


def test_a_measurement_that_fails_hides_nothing(cli, models, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise EdgequantError("The process ended with code -11: the engine crashed.")

    monkeypatch.setattr("edgequant._bench.bench", fail)
    for arguments, part in (((), "Take "), (("--json",), '"failure": "The process ended')):
        done = cli("check", "--measure", models / "int8.tflite", *arguments)
        assert done.exit_code == 2
        assert part in done.stdout
        assert done.stderr == (
            "error: Nothing was measured, so the rules alone decide. "
            "The process ended with code -11: the engine crashed.\n"
        )
    document = json.loads(done.stdout)
    assert document["recommendation"]["measured"] is False


def test_without_measure_the_document_is_that_of_the_device_package(cli):
    assert "measurement" not in json.loads(cli("check", "--json").stdout)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--measure", "{int8}", "--board", "pi4"), "--measure needs the device itself"),
        (("--measure", "{int8}", "--from", "-"), "--measure needs the device itself"),
        (("--measure", "{int8}", "--measured", "bench.json"), "only one of --measure and --measured"),
        (("--measure", "absent.tflite"), "There is no file"),
        (("--measure", "{int8}", "--python", "python3"), "--runner and --python go with --measure and --host"),
        (("--host", "pi@pi", "--runner", "edgequant-run"), "--runner and --python go with --measure and --host"),
        (("--ssh-config", "config"), "--ssh-config goes with --host"),
    ],
)
def test_options_that_do_not_go_together(cli, models, arguments, message):
    done = cli("check", *(text.format(int8=models / "int8.tflite") for text in arguments))
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
