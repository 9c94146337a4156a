"""What the commands for boards do, from Python: paths and names in, typed results out."""

import textwrap
from pathlib import Path

import numpy as np
import pytest

import edgequant

from ._deployments import TestBundle, current_release

ROOT = Path(__file__).resolve().parents[2]


def test_a_bundle_is_proved_deployed_and_taken_back(
    quick_bundles: list[TestBundle], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    first, second = quick_bundles[:2]
    proved = edgequant.smoke(first.archive, repeat=1)
    assert (proved.exit_code, proved.name, proved.computer) == (0, first.archive.name, "this machine")
    assert edgequant.deploy(first.archive, "models/kws").changed
    assert edgequant.deploy(str(second.archive), "models/kws", keep=2).previous == first.id
    listed = edgequant.list_releases("models/kws")
    assert (listed.current, listed.releases) == (second.id, (second.id, first.id))
    assert edgequant.rollback("models/kws").current == first.id
    assert current_release(tmp_path / "models" / "kws") == first.id


def test_a_target_is_named_and_a_damaged_bundle_is_a_result(models: Path, tmp_path: Path) -> None:
    with pytest.raises(edgequant.EdgequantError, match="pi-nine"):
        edgequant.bundle(models / "int8.tflite", "pi-nine", tmp_path / "b.tar.gz")
    (tmp_path / "b.tar.gz").write_bytes(b"no bundle")
    result = edgequant.smoke(tmp_path / "b.tar.gz", emulate="rpi4")
    assert (result.exit_code, result.verdict, result.is_emulated) == (2, "could not run", True)
    assert "is no bundle" in (result.error or "")


def test_the_page_does_what_it_says(
    models: Path, quick_bundles: list[TestBundle], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The snippet of docs/deploy.md, on this machine in the place of its boards."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kws_int8.tflite").symlink_to(models / "int8.tflite")
    np.save("samples.npy", np.random.default_rng(0).uniform(-1, 1, (8, 4)).astype(np.float32))
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    snippet = textwrap.dedent(page.split("## Python\n\n", 1)[1].split("\n\nThe arguments are", 1)[0])
    assert edgequant.deploy(quick_bundles[0].archive, "models/kws").changed
    for there, here in (('"rpi4", "kws', '"x86-64", "kws'), (', emulate="rpi4"', ""), (', host="pi@192.168.1.5"', "")):
        assert there in snippet
        snippet = snippet.replace(there, here)
    names: dict[str, object] = {}
    exec(compile(snippet, "docs/deploy.md", "exec"), names)
    assert current_release(tmp_path / "models" / "kws") == quick_bundles[0].id


def test_contradictions_are_sentences(bundle: Path) -> None:
    with pytest.raises(edgequant.EdgequantError, match="Say where to run, once"):
        edgequant.smoke(bundle, host="pi@board", emulate="rpi4")
    with pytest.raises(edgequant.EdgequantError, match="configuration of ssh goes with a host"):
        edgequant.deploy(bundle, "kws", ssh_config="config")
    with pytest.raises(edgequant.EdgequantError, match="file of allowed signers: give it, too"):
        edgequant.deploy(bundle, "kws", signer="anna")
