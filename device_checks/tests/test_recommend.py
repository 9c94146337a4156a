from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edgequant_device_checks import DeviceCheckError, for_board, from_text, read_measurements, recommend
from edgequant_device_checks._rules import FORMATS, RULES

PI4, PI5, ZERO, PI4_32 = (for_board(name) for name in ("pi4", "pi5", "pi-zero", "pi4-32"))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_is_complete(rule) -> None:
    assert rule.format in FORMATS
    assert set(rule.why_not) | {rule.format} == set(FORMATS)
    assert all(reason.source and reason.sentence.endswith(".") for reason in rule.reasons)
    assert set(rule.engines) <= {"native", "litert", "onnxruntime"}
    assert rule.engines


def test_names_of_rules_are_their_own() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize(
    ("board", "rule", "mac"),
    [("pi4", "armv8", "8 MAC/cycle"), ("pi5", "dotprod", "32 MAC/cycle"), ("graviton3", "i8mm-bf16", "128 MAC/cycle")],
)
def test_board_classes_and_their_evidence(board: str, rule: str, mac: str) -> None:
    recommendation = recommend(for_board(board))
    assert recommendation.rule == rule
    assert any(mac in reason for reason in recommendation.reasons)
    assert set(recommendation.why_not) == set(FORMATS) - {"int8"}


def test_fp16_is_refused_for_its_own_reason_on_each_class() -> None:
    assert "no token asimdhp" in recommend(PI4).why_not["fp16"]
    assert "onnxruntime#25824" in recommend(PI5).why_not["fp16"]
    assert "no token bf16" in recommend(PI5).why_not["bf16"]
    assert "fastmath" in recommend(for_board("graviton3")).why_not["bf16"]


def test_every_board_has_the_native_engine() -> None:
    zero, pi4 = recommend(ZERO), recommend(PI4_32)
    assert (zero.format, zero.engine) == (pi4.format, pi4.engine) == ("int8", "native")
    assert any("native installs here: edgequant-runtime" in reason for reason in zero.reasons)
    assert any("same bits on every processor" in reason for reason in zero.reasons)
    assert any("Install a 64-bit system: the Cortex-A72" in reason for reason in pi4.reasons)
    assert not any("64-bit system: the" in reason for reason in recommend(for_board("pi2")).reasons)
    assert recommend(replace(PI5, libc="musl", libc_version="1.2")).engine == "native"


def test_python_too_old_for_the_engines() -> None:
    old = recommend(replace(PI5, python="3.7.3"))
    assert (old.format, old.engine) == ("int8", None)
    assert any("No engine of this release installs here" in reason for reason in old.reasons)
    assert any("Take another Python" in reason and "edgequant-run" in reason for reason in old.reasons)


def test_litert_is_recommended_through_its_older_package() -> None:
    old = recommend(replace(PI4_32, python="3.8.10"))
    assert (old.format, old.engine) == ("int8", "litert")
    (sentence,) = (reason for reason in old.reasons if "tflite-runtime" in reason)
    assert sentence.startswith("litert installs here through tflite-runtime 2.14.0, an older package")
    assert "numpy below 2" in sentence
    assert "ai-edge-litert: no wheel for armv7l on linux" in sentence
    assert any("Install a 64-bit system: the Cortex-A72" in reason for reason in old.reasons)


def test_unknown_python_is_no_obstacle_but_is_said() -> None:
    recommendation = recommend(for_board("rock5b"))
    assert recommendation.engine == "native"
    assert any("should install" in reason and "not known" in reason for reason in recommendation.reasons)


def test_workstation_is_told_what_it_is() -> None:
    device = from_text("Architecture: x86_64\nFlags: fpu sse2 lm avx512_bf16\n")
    assert any("workstation" in reason for reason in recommend(device).reasons)
    assert device.core_names == "x86-64 processor"


def test_64bit_arm_without_tokens() -> None:
    recommendation = recommend(from_text("Architecture: aarch64\nCPU(s): 4\nModel name: Cortex-A72\n"))
    assert recommendation.rule == "aarch64-unknown"
    assert recommendation.format == "int8"


def test_other_architectures_get_no_invented_figures() -> None:
    recommendation = recommend(from_text("Architecture: riscv64\nCPU(s): 4\nModel name: -\n"))
    assert (recommendation.format, recommendation.engine, recommendation.rule) == ("fp32", None, "other")


def test_measurement_outvotes_the_rule() -> None:
    measured = {("int8", "litert"): 2000.0, ("fp32", "onnxruntime"): 1000.0, ("fp16", "litert"): 3000.0}
    recommendation = recommend(PI4, measured)
    assert (recommendation.format, recommendation.engine, recommendation.measured) == ("fp32", "onnxruntime", True)
    assert any("1,000 µs" in reason and "[measurement]" in reason for reason in recommendation.reasons)
    assert any("outvotes" in reason for reason in recommendation.reasons)
    assert recommendation.why_not["int8"] == "measured: 2,000 µs with litert, 2 times the 1,000 µs of fp32."
    assert recommendation.why_not["fp16"].startswith("measured: 3,000 µs")
    assert set(recommendation.why_not) == set(FORMATS) - {"fp32"}


def test_measurements_of_tiny_networks_are_not_rounded_away() -> None:
    recommendation = recommend(PI4, {("int8", "native"): 0.141, ("fp32", "litert"): 17.2})
    assert "int8 with native 0.141 µs, fp32 with litert 17.2 µs" in recommendation.reasons[0]


def test_measurement_may_agree_and_choose_the_engine() -> None:
    recommendation = recommend(PI4, {("int8", "litert"): 900.0, ("int8", "onnxruntime"): 700.0})
    assert (recommendation.format, recommendation.engine) == ("int8", "onnxruntime")
    assert any("says int8 too" in reason for reason in recommendation.reasons)


def test_measurement_without_the_format_of_the_rule_decides_nothing() -> None:
    recommendation = recommend(PI4, {("fp32", "litert"): 10.0})
    assert (recommendation.format, recommendation.engine, recommendation.measured) == ("int8", "native", False)
    assert any("int8 itself was not measured" in reason for reason in recommendation.reasons)


def test_read_measurements_takes_the_least_over_threads(tmp_path: Path) -> None:
    results = [
        {"format": "int8", "engine": "litert", "threads": 1, "median_us": 900.5, "model": "a.tflite"},
        {"format": "int8", "engine": "litert", "threads": 4, "median_us": 300, "model": "a.tflite"},
        {"format": "fp32", "engine": "onnxruntime", "threads": 1, "median_us": 1200.0, "model": "a.onnx"},
        {"format": None, "engine": "litert", "threads": 1, "median_us": 1.0, "model": "untold.tflite"},
    ]
    path = tmp_path / "bench.json"
    path.write_text(json.dumps({"results": results}))
    assert read_measurements(path) == {("int8", "litert"): 300.0, ("fp32", "onnxruntime"): 1200.0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("\xff", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "has no results"),
        ('{"results": []}', "has no results"),
        ('{"results": [3]}', "no result of a known format"),
        ('{"results": [{"format": null, "engine": "litert", "median_us": 3}]}', "no result of a known format"),
        ('{"results": [{"format": "int9"}]}', "result 1 has format 'int9'"),
        ('{"results": [{"format": []}]}', "result 1 has format"),
        ('{"results": [{"format": "int8", "median_us": 3}]}', "names no engine"),
        ('{"results": [{"format": "int8", "engine": "litert", "median_us": "3"}]}', "no positive median_us"),
        ('{"results": [{"format": "int8", "engine": "litert", "median_us": NaN}]}', "no positive median_us"),
        ('{"results": [{"format": "int8", "engine": "litert", "median_us": 0}]}', "no positive median_us"),
        ('{"results": [{"format": "int8", "engine": "litert", "median_us": 1%s}]}' % ("0" * 400), "no positive"),
        ('{"results": [{"format": "int8", "engine": "litert", "median_us": true}]}', "no positive median_us"),
    ],
)
def test_bad_measurements(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bench.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(DeviceCheckError, match=message):
        read_measurements(path)


def test_missing_measurements(tmp_path: Path) -> None:
    with pytest.raises(DeviceCheckError, match="No such file"):
        read_measurements(tmp_path / "absent.json")
