"""The command, on this machine: what is printed and written, and the exit codes."""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from edgequant._bundle import write_bundle
from edgequant._targets import Runner, find_target

from ._bundle_files import make, members, repacked, stand_in
from ._smoke_bundles import forgetful
from ._waiting import wait_until

pytestmark = pytest.mark.slow

Cli = Callable[..., Any]
ODD_NAME = 'kws ä "$(id)" \'.tar.gz'


@pytest.fixture
def bundle(models: Path, tmp_path: Path, local_runner: Runner) -> Path:
    path = tmp_path / ODD_NAME
    write_bundle(models / "int8.tflite", find_target("x86-64"), path, runner=local_runner, goldens=1)
    return path


@pytest.fixture
def wrong(models: Path, tmp_path: Path, local_runner: Runner) -> Path:
    """A bundle whose program computes other outputs."""
    path = tmp_path / "wrong.tar.gz"
    make(
        models / "int8.tflite",
        path,
        runner=stand_in(tmp_path / "forgetful", forgetful(local_runner.program)),
        goldens=1,
    )
    return path


def cases(path: Path, kind: str) -> int:
    return len(ElementTree.parse(path).getroot().findall(f"testsuite/testcase/{kind}"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "Say where to run, once"),
        (("--local", "--emulate", "rpi4"), "Say where to run, once"),
        (("--host", "a", "--emulate", "rpi4"), "Say where to run, once"),
        (("--local", "--ssh-config", "config"), "--ssh-config goes with --host"),
        (("--local", "--timeout", "0"), "--timeout 0"),
        (("--local", "--timeout", "nan"), "--timeout nan"),
        (("--local", "--threads", "0"), "--threads"),
        (("--local", "--repeat", "0"), "--repeat"),
    ],
)
def test_options_that_cannot_be(cli: Cli, bundle: Path, options: tuple[str, ...], said: str) -> None:
    result = cli("smoke", bundle, *options)
    assert result.exit_code == 2
    assert said in result.stderr and "Traceback" not in result.stderr


def test_equal(cli: Cli, bundle: Path, tmp_path: Path) -> None:
    result = cli("smoke", bundle, "--local", "--junit", tmp_path / "out.xml", "--html", tmp_path / "out.html")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("All 5 goldens agree on this machine, bit for bit, with 1")
    assert f"bundle      {ODD_NAME}" in result.stdout and "latency     median" in result.stdout
    assert not result.stderr
    assert cases(tmp_path / "out.xml", "*") == 1, "the device's own text, and nothing else"
    assert "Equal." in (tmp_path / "out.html").read_text(encoding="utf-8")


def test_json_has_the_documented_keys(cli: Cli, bundle: Path) -> None:
    result = cli("smoke", bundle, "--local", "--json", "--threads", "2")
    document = json.loads(result.stdout)
    assert (document["verdict"], document["exit_code"], document["bundle"]["name"]) == ("equal", 0, ODD_NAME)
    assert document["latency"][0]["threads"] == 2 and document["latency"][0]["median_us"] > 0
    assert document["latency_is_meaningful"] is True and document["memory_bytes"]["peak_of_process"] > 0
    page = (Path(__file__).parents[2] / "docs" / "smoke.md").read_text(encoding="utf-8")
    table = page.partition("## JSON")[2].partition("## Limits")[0]
    missing = [
        key for key in keys_of(document) if f"`{key}`" not in table and f"`.{key.rpartition('.')[2]}`" not in table
    ]
    assert not missing


def keys_of(document: dict[str, Any]) -> list[str]:
    """Return the keys that are ours: those of the device, the probe and the manifest are described elsewhere."""
    goldens = document["goldens"][0]
    nested = {
        "bundle.": document["bundle"], "transport.": document["transport"], "checks[].": document["checks"][0],
        "goldens[].": goldens, "goldens[].runs[].": goldens["runs"][0], "latency[].": document["latency"][0],
        "goldens[].runs[].outputs[].": goldens["runs"][0]["outputs"][0],
    }  # fmt: skip
    lists = {"bundle", "transport", "checks", "goldens", "latency", "sentences"}
    deep = [f"{prefix}{key}" for prefix, inside in nested.items() for key in inside if key not in ("runs", "outputs")]
    return ["sentences[]", *(key for key in document if key not in lists), *deep]


def test_different(cli: Cli, wrong: Path, tmp_path: Path) -> None:
    result = cli("smoke", wrong, "--local", "--junit", tmp_path / "out.xml", "--html", tmp_path / "out.html")
    assert result.exit_code == 1
    assert "goldens give other values on this machine." in result.stdout
    assert "values differ, first at [" in result.stdout
    assert cases(tmp_path / "out.xml", "failure") > 1
    assert "<figure" in (tmp_path / "out.html").read_text(encoding="utf-8")
    assert json.loads(cli("smoke", wrong, "--local", "--json").stdout)["verdict"] == "different"


def test_a_damaged_bundle_is_not_run(cli: Cli, bundle: Path, tmp_path: Path) -> None:
    found = members(bundle)
    entry, content = found["model.tflite"]
    found["model.tflite"] = (entry, bytes([content[0] ^ 1]) + content[1:])
    damaged = repacked(found, tmp_path / "damaged.tar.gz")
    result = cli(
        "smoke", damaged, "--local", "--json", "--junit", tmp_path / "out.xml", "--html", tmp_path / "out.html"
    )
    assert result.exit_code == 2
    assert "model.tflite" in result.stderr
    document = json.loads(result.stdout)
    assert (document["verdict"], document["device"], document["goldens"]) == ("could not run", None, [])
    assert cases(tmp_path / "out.xml", "error") == 1
    assert "Could not run." in (tmp_path / "out.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("missing.tar.gz", ("--local",), "missing.tar.gz"),
        (ODD_NAME, ("--emulate", "rpi44"), "did you mean rpi4"),
        (ODD_NAME, ("--emulate", "x86-64"), "is not emulated"),
        (ODD_NAME, ("--host", "-oProxyCommand=id"), "is not a host"),
        (ODD_NAME, ("--local", "--html", "no/such/folder/page.html"), "choose a folder that exists"),
    ],
)
def test_what_cannot_be_is_a_sentence(
    cli: Cli, bundle: Path, tmp_path: Path, name: str, options: tuple[str, ...], said: str
) -> None:
    result = cli("smoke", tmp_path / name, *options)
    assert result.exit_code == 2
    assert said in result.stderr and "Traceback" not in result.stderr


def test_ctrl_c_leaves_nothing(models: Path, tmp_path: Path) -> None:
    started = tmp_path / "started"
    slow = stand_in(tmp_path / "slow", f"#!/bin/sh\necho > {shlex.quote(str(started))}\nsleep 60\n")
    make(models / "int8.tflite", tmp_path / "slow.tar.gz", runner=slow)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "edgequant", "smoke", tmp_path / "slow.tar.gz", "--local"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    wait_until(lambda: started.exists() or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout, stderr.strip()) == (130, "", "interrupted")
    assert not list(temporary.iterdir())
