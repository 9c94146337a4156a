"""The JUnit file, held against what readers of it demand: the schemas of Jenkins and Ant, and GitLab's keys."""

import re
import signal
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgequant._bundle import Golden, Manifest, ModelEntry, TensorFile
from edgequant._smoke import GoldenResult, GoldenRun, OutputResult, SmokeResult, smoke, write_junit
from edgequant._transports import LocalTransport

from ._smoke_bundles import SCORES, Made, dies_of, make_bundle

OTHER = SCORES + 1

SUITE = dict.fromkeys(("name", "tests", "failures", "errors", "time", "timestamp", "hostname", "id", "package"), True)
# Attributes (True: required), and children in their order.
RULES: dict[str, tuple[dict[str, bool], tuple[str, ...]]] = {
    "testsuites": (dict.fromkeys(("name", "time", "tests", "failures", "disabled", "errors"), False), ("testsuite",)),
    "testsuite": (
        {**SUITE, "skipped": False},
        ("properties", "testcase", "system-out", "system-err"),
    ),
    "testcase": (
        {"name": True, "classname": True, "time": True},
        ("skipped", "error", "failure", "system-out", "system-err"),
    ),
    "failure": ({"message": False, "type": True}, ()),
    "error": ({"message": False, "type": True}, ()),
    "skipped": ({"message": False}, ()),
    "system-out": ({}, ()),
}  # fmt: skip


def check_rules(element: ElementTree.Element) -> None:
    attributes, children = RULES[element.tag]
    assert set(element.attrib) <= set(attributes)
    assert {name for name, required in attributes.items() if required} <= set(element.attrib)
    order = [children.index(child.tag) for child in element]
    assert order == sorted(order)
    for child in element:
        check_rules(child)


def read(path: Path) -> ElementTree.Element:
    """Return the suite of a file that keeps all rules."""
    text = path.read_text(encoding="utf-8")
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", text)
    root = ElementTree.fromstring(text)
    check_rules(root)
    assert root.tag == "testsuites"
    (suite,) = root
    cases = suite.findall("testcase")
    for plural, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(suite.attrib[plural]) == len(suite.findall(f"testcase/{kind}"))
    assert int(suite.attrib["tests"]) == len(cases)
    assert all(len({child.tag for child in case} & {"failure", "error", "skipped"}) <= 1 for case in cases)
    keys = {(case.attrib["classname"], case.attrib["name"]) for case in cases}
    assert len(keys) == len(cases), "GitLab keeps one case of each class name and name"
    assert all(float(case.attrib["time"]) >= 0 for case in cases)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.attrib["timestamp"])
    return suite


def outcome(folder: Path, *goldens: Made, name: str = "kws.tar.gz", **options: str) -> SmokeResult:
    with LocalTransport() as transport:
        return smoke(make_bundle(folder, goldens, **options), transport, name=name, threads=1)


def states(suite: ElementTree.Element) -> list[str]:
    """Return what happened to each case."""
    kinds = ("failure", "error", "skipped")
    return [next((kind for kind in kinds if case.find(kind) is not None), "pass") for case in suite.iter("testcase")]


def test_each_output_is_a_case(tmp_path: Path) -> None:
    two = {"scores": SCORES, "boxes": SCORES}
    write_junit(tmp_path / "out.xml", outcome(tmp_path / "made", Made(two), Made(two)))
    suite = read(tmp_path / "out.xml")
    assert suite.attrib["name"] == "edgequant smoke kws.tar.gz on this machine"
    assert [case.attrib["name"] for case in suite.iter("testcase")] == [
        "device",
        "golden 0 (random), output 0: scores",
        "golden 0 (random), output 1: boxes",
        "golden 1 (random), output 0: scores",
        "golden 1 (random), output 1: boxes",
    ]
    assert set(states(suite)) == {"pass"}
    assert {case.attrib["classname"] for case in suite.iter("testcase")} == {
        "edgequant smoke.kws_tar_gz on this machine"
    }


def test_a_difference_is_a_failure_with_its_text(tmp_path: Path) -> None:
    both = Made({"scores": SCORES, "boxes": SCORES}, {"scores": SCORES, "boxes": OTHER})
    write_junit(tmp_path / "out.xml", outcome(tmp_path / "made", both))
    suite = read(tmp_path / "out.xml")
    assert states(suite) == ["pass", "pass", "failure"]
    failure = suite.find("testcase/failure")
    assert failure is not None and failure.text == failure.attrib["message"]
    assert "4 of 4 values differ" in failure.attrib["message"]


def test_what_fails_at_the_start_is_an_error_of_the_device(tmp_path: Path) -> None:
    result = outcome(tmp_path / "made", Made({"scores": SCORES}), first=dies_of(signal.SIGILL))
    write_junit(tmp_path / "out.xml", result)
    suite = read(tmp_path / "out.xml")
    assert states(suite) == ["error", "skipped"]
    error = suite.find("testcase/error")
    assert error is not None and error.text == result.error


def test_what_fails_later_is_an_error_of_that_golden(tmp_path: Path) -> None:
    goldens = [Made({"scores": SCORES})] * 3
    write_junit(tmp_path / "out.xml", outcome(tmp_path / "made", *goldens, last='[ "$golden" = 1 ] && exit 9'))
    assert states(read(tmp_path / "out.xml")) == ["pass", "pass", "error", "skipped"]


def test_what_fails_after_the_last_golden_is_an_error_of_the_end(tmp_path: Path) -> None:
    result = outcome(tmp_path / "made", Made({"scores": SCORES}))
    result.error = "A folder may be left on pi: remove it."
    write_junit(tmp_path / "out.xml", result)
    suite = read(tmp_path / "out.xml")
    assert (result.exit_code, states(suite)) == (2, ["pass", "pass", "error"])
    last = suite.findall("testcase")[-1]
    assert last.attrib["name"] == "end of the test" and last[0].text == result.error


TENSORS = tuple(TensorFile(name, f"{name}.npy", "int8", (1,), "0" * 64) for name in ("scores", "boxes"))
MANIFEST = Manifest(
    edgequant="0.1.0", target="rpi4", os=None, model=ModelEntry("model.tflite", "int8", "native", (), 1, 1),
    runner=None, wheels=(), outputs=(), goldens=(), files=(), source_sha256=None, conversion=None,
)  # fmt: skip
STATUSES: tuple[Any, ...] = ("equal", "within tolerance", "different")


@settings(max_examples=200)
@given(
    goldens=st.lists(st.lists(st.tuples(*[st.sampled_from(STATUSES)] * 2), max_size=2), max_size=3),
    has_probe=st.booleans(),
    error=st.sampled_from([None, "", "the board is gone"]),
)
def test_the_report_is_red_if_and_only_if_the_exit_code_is(
    goldens: list[list[tuple[Any, Any]]], has_probe: bool, error: str | None
) -> None:
    """Two runs of each golden are due; where there are fewer, an error cut it off."""
    found = [GoldenResult(number, "random", [made_run(*run) for run in runs]) for number, runs in enumerate(goldens)]
    result = SmokeResult("b.tar.gz", "pi", is_emulated=False, error=error)
    if goldens:
        result.manifest = replace(MANIFEST, goldens=tuple(Golden("random", (), TENSORS) for _ in goldens))
    result.probe = {} if has_probe else None
    result.keep(found, 2)
    if not goldens or any(len(runs) < 2 for runs in goldens):
        result.error = error or "it was cut off"
    with tempfile.TemporaryDirectory() as folder:
        write_junit(Path(folder, "out.xml"), result)
        seen = states(read(Path(folder, "out.xml")))
    assert ({"failure", "error"} & {*seen} != set()) == (result.exit_code != 0)
    assert ("failure" in seen) == (result.exit_code == 1)
    assert seen.count("error") == (result.error is not None)


def made_run(*statuses: Any) -> GoldenRun:
    outputs = (OutputResult(tensor.name, status, "0" * 64) for tensor, status in zip(TENSORS, statuses, strict=True))
    return GoldenRun(1, "scalar", tuple(outputs), 0.1)


def test_without_a_bundle_there_is_one_error(tmp_path: Path) -> None:
    result = SmokeResult("broken.tar.gz", "pi@192.168.1.5", is_emulated=False, error="broken.tar.gz is damaged.")
    write_junit(tmp_path / "out.xml", result)
    suite = read(tmp_path / "out.xml")
    assert states(suite) == ["error"]
    assert suite.attrib["hostname"] == "pi@192.168.1.5"


HOSTILE = ["\x00\x1b[2J", "]]>", "<b>&amp;", '"\n\t\r', "\ud800", "\ufffe", "ü\N{SNOWMAN}", ""]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_may_be_anything(tmp_path: Path, name: str) -> None:
    one = name.encode("utf-8", "replace").decode()  # a file's name may have half a surrogate pair, an output's not
    result = outcome(tmp_path / "made", Made({one: SCORES, f"{one}2": SCORES}, {one: OTHER, f"{one}2": SCORES}))
    result.name = name
    result.error = name
    write_junit(tmp_path / "out.xml", result)
    assert states(read(tmp_path / "out.xml")) == ["pass", "failure", "pass", "error"]


def test_outputs_of_one_name_are_two_cases(tmp_path: Path) -> None:
    result = outcome(tmp_path / "made", Made({"a": SCORES, "b": np.zeros(1)}))
    for run in result.goldens[0].runs:
        for output in run.outputs:
            object.__setattr__(output, "name", "same")
    write_junit(tmp_path / "out.xml", result)
    read(tmp_path / "out.xml")
