"""One task on one board, as the modules of edgequant.board do it, on this machine."""

from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from edgequant_device_checks import for_board

from edgequant._bundle import BundleError
from edgequant._deploy import deploy, remove
from edgequant._transports import LocalTransport
from edgequant.fleet import choose_bundle, device_facts, release, smoke

from ._bundle_files import make
from ._deployments import TestBundle, current_release


@pytest.fixture(scope="module")
def of_kinds(models: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A bundle for each of some targets, with programs that do nothing."""
    folder = tmp_path_factory.mktemp("kinds")
    made = {}
    for target in ("rpi-zero", "rpi2", "rpi4", "armv7", "x86-64"):
        made[target] = folder / target / f"{target}.tar.gz"
        made[target].parent.mkdir()
        make(models / "int8.tflite", made[target], target=target)
    return made


@pytest.mark.parametrize(
    ("board", "offered", "chosen"),
    [
        ("pi-zero", ("rpi-zero", "rpi2", "rpi4"), "rpi-zero"),
        ("pi2", ("rpi-zero", "rpi2", "rpi4"), "rpi2"),
        ("pi4", ("rpi-zero", "rpi2", "rpi4"), "rpi4"),
        ("pi4-32", ("rpi-zero", "rpi2", "rpi4"), "rpi2"),
        ("pi5", ("rpi-zero", "rpi4"), "rpi4"),
        ("pi2", ("armv7", "rpi2"), "rpi2"),
        ("pi4-32", ("armv7", "rpi-zero"), "armv7"),
        ("pi4", ("rpi-zero",), "rpi-zero"),
    ],
)
def test_a_board_gets_the_bundle_that_suits_it(
    of_kinds: dict[str, Path], board: str, offered: tuple[str, ...], chosen: str
) -> None:
    bundles = [of_kinds[name] for name in offered]
    assert choose_bundle(bundles, for_board(board)) == of_kinds[chosen]
    assert choose_bundle(bundles[::-1], for_board(board)) == of_kinds[chosen]


def test_no_bundle_runs_there(of_kinds: dict[str, Path]) -> None:
    with pytest.raises(BundleError, match=r"No bundle runs on Raspberry Pi Zero.*rpi4\.tar\.gz"):
        choose_bundle([of_kinds["rpi4"]], replace(for_board("pi-zero"), model="Raspberry Pi Zero"))


def test_a_release_comes_and_goes(quick_bundles: list[TestBundle], tmp_path: Path) -> None:
    site = tmp_path / "kws"
    first, second = ([bundle.archive] for bundle in quick_bundles[:2])

    def do(**options: object) -> dict[str, object]:
        return release(LocalTransport(), path=str(site), **options)  # type: ignore[arg-type]

    would = do(bundles=first, check=True)
    assert (would["changed"], would["current"], site.exists()) == (True, quick_bundles[0].id, False)
    for bundles, changed in ((first, True), (first, False), (second, True)):
        done = do(bundles=bundles)
        assert (done.get("failed"), done["changed"], "diff" in done) == (False, changed, changed)
    assert do(bundles=first, state="rolled_back")["changed"] is False
    would = do(bundles=second, state="rolled_back", check=True)
    assert (would["changed"], current_release(site)) == (True, quick_bundles[1].id)
    back = do(bundles=second, state="rolled_back")
    assert (back["changed"], back["current"]) == (True, quick_bundles[0].id)
    assert current_release(site) == quick_bundles[0].id
    none_before = do(state="rolled_back")
    assert none_before["failed"] is True and "deploy a bundle" in str(none_before["msg"])
    assert do(state="absent", check=True)["changed"] is True
    assert current_release(site) == quick_bundles[0].id
    assert (do(state="absent")["changed"], site.exists(), do(state="absent")["changed"]) == (True, False, False)


def test_what_else_is_there_stays(quick_bundles: list[TestBundle], tmp_path: Path) -> None:
    site = PurePosixPath(tmp_path / "kws")
    with LocalTransport() as board:
        deploy(quick_bundles[0].opened, board, site)
        (tmp_path / "kws" / "mine").write_text("x")
        remove(board, site)
    assert [path.name for path in (tmp_path / "kws").iterdir()] == ["mine"]


def test_what_is_current_is_proved_and_a_command_asked(quick_bundles: list[TestBundle], tmp_path: Path) -> None:
    def do(*command: str) -> dict[str, object]:
        return smoke(LocalTransport(), path=str(tmp_path / "kws"), command=command)

    assert "Nothing is deployed to" in str(do()["msg"])
    release(LocalTransport(), path=str(tmp_path / "kws"), bundles=[quick_bundles[0].archive])
    assert (do()["failed"], do("true")["failed"]) == (False, False)
    ill = do("sh", "-c", "echo no such service >&2; exit 3")
    assert (ill["failed"], ill["msg"]) == (True, "sh fails on the board: no such service.")
    (tmp_path / "kws" / "current" / "model.tflite").write_bytes(b"")
    assert "is damaged (model.tflite)" in str(do()["msg"])


def test_facts(tmp_path: Path) -> None:
    found = device_facts(LocalTransport())
    assert found["ansible_facts"]["edgequant_board"]["device"]["architecture"] == found["device"]["architecture"]
