"""What earlier versions wrote, in fixtures/: this version reads it, proves it and goes back to it."""

import json
import shutil
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from edgequant_device_checks import read_measurements

from edgequant._bundle import open_bundle, write_bundle
from edgequant._bundle._manifest_json import READERS
from edgequant._smoke import smoke
from edgequant._targets import find_target
from edgequant._transports import EmulatedTransport, LocalTransport

from ._deployments import TestBundle, current_release

KEPT = Path(__file__).parent / "fixtures"
SCHEMAS = sorted(READERS)

Cli = Callable[..., Any]


@dataclass(frozen=True)
class Site:
    """The home folder of a board, and the release that an earlier version made current in its folder `site`."""

    home: Path
    release: str


def kept(schema: int) -> Path:
    return KEPT / f"schema-{schema}"


@pytest.fixture(params=SCHEMAS)
def schema(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def site(schema: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    home = tmp_path / "home"
    with tarfile.open(kept(schema) / "site.tar.gz") as archive:
        archive.extractall(home, filter="data")
    (release,) = (home / "site" / "releases").iterdir()
    with tarfile.open(kept(schema) / "x86-64.tar.gz") as archive:
        for member in archive.getmembers():
            member.name = member.name.partition("/")[2]
            archive.extract(member, release, filter="data")
    monkeypatch.setenv("HOME", str(home))
    return Site(home, release.name)


@pytest.mark.parametrize("name", ["armv6", "x86-64", "wheels"])
def test_a_bundle_verifies(cli: Cli, schema: int, name: str) -> None:
    done = cli("bundle", "verify", kept(schema) / f"{name}.tar.gz", "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    assert json.loads(done.stdout)["sound"]


def test_a_bundle_gives_its_goldens_here(cli: Cli, schema: int) -> None:
    done = cli("smoke", kept(schema) / "x86-64.tar.gz", "--local")
    assert done.exit_code == 0, done.stderr
    assert "All 5 goldens agree on this machine, bit for bit" in done.stdout


def test_a_bundle_gives_its_goldens_on_an_emulated_board(schema: int) -> None:
    if shutil.which("qemu-arm") is None:
        pytest.skip("needs qemu-arm (Debian's package qemu-user), which is not on this machine")
    with (
        open_bundle(kept(schema) / "armv6.tar.gz") as bundle,
        EmulatedTransport(find_target("rpi-zero")) as transport,
    ):
        result = smoke(bundle, transport)
    assert result.exit_code == 0, result.sentences
    assert {run.kernels for golden in result.goldens for run in golden.runs} == {"armv6"}


def test_a_bundle_with_wheels_gives_its_goldens_here(schema: int) -> None:
    with open_bundle(kept(schema) / "wheels.tar.gz") as bundle:
        result = smoke(bundle, LocalTransport(), python=sys.executable)
    assert result.exit_code == 0, result.sentences


def test_a_release_is_listed_and_proved_again(cli: Cli, site: Site, schema: int) -> None:
    listed = json.loads(cli("deploy", "--list", "--local", "--path", "site", "--json").stdout)
    assert (listed["current"], listed["lock"]) == (site.release, None)
    assert listed["releases"][0]["deployed"] and listed["releases"][0]["by"]
    done = cli("deploy", kept(schema) / "x86-64.tar.gz", "--local", "--path", "site")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith(f"Release {site.release} is current in {site.home / 'site'} already, and whole")


def test_a_release_rolls_back(cli: Cli, site: Site, bundles: list[TestBundle]) -> None:
    assert cli("deploy", bundles[1].archive, "--local", "--path", "site").exit_code == 0
    assert current_release(site.home / "site") == bundles[1].id
    done = cli("deploy", "--rollback", "--local", "--path", "site")
    assert (done.exit_code, done.stderr) == (0, "")
    assert current_release(site.home / "site") == site.release


def test_a_newer_release_asks_for_an_update_and_stays(
    cli: Cli, site: Site, bundles: list[TestBundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("deploy", bundles[1].archive, "--local", "--path", "site").exit_code == 0
    monkeypatch.setattr("edgequant._bundle._manifest_json.READERS", {0: READERS[1]})
    done = cli("deploy", "--rollback", "--local", "--path", "site")
    assert done.exit_code == 2
    assert "written by a newer edgequant: update edgequant" in " ".join(done.stderr.split())
    assert current_release(site.home / "site") == bundles[1].id


def test_a_report_of_a_conversion_goes_into_a_bundle(schema: int, tmp_path: Path) -> None:
    model = kept(schema) / "converted.tflite"
    report = kept(schema) / "convert.json"
    options: dict[str, Any] = {"engine": "litert", "goldens": 1, "report": report}
    summary = write_bundle(model, find_target("rpi4"), tmp_path / "bundle.tar.gz", **options)
    assert summary.manifest.conversion == json.loads(report.read_text(encoding="utf-8"))


def test_latencies_are_read(schema: int) -> None:
    median = {1: 1.393, 2: 1.162, 3: 3.025}[schema]
    assert read_measurements(kept(schema) / "bench.json") == {("int8", "native"): median}
