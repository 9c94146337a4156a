import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from edgequant._smoke import SmokeResult, smoke, write_html
from edgequant._smoke._plots import draw_difference
from edgequant._transports import LocalTransport

from ._smoke_bundles import SCORES, Made, dies_of, make_bundle

WIDE = np.arange(1000, dtype=np.float32).reshape(10, 100)


def outcome(folder: Path, *goldens: Made, **options: str) -> SmokeResult:
    with LocalTransport() as transport:
        return smoke(
            make_bundle(folder, goldens, **options), transport, name="kws <script>alert(1)</script>.tar.gz", threads=1
        )


def changed(
    values: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    other = values.copy()
    other[7, 50:52] = np.nan, -5
    return other


@pytest.fixture(params=["equal", "different", "could not run", "no bundle"])
def result(request: pytest.FixtureRequest, tmp_path: Path) -> SmokeResult:
    folder, name = tmp_path / "made", "scores <b>"
    if request.param == "equal":
        return outcome(folder, Made({name: SCORES}), Made({name: SCORES}))
    if request.param == "different":
        return outcome(folder, Made({name: SCORES}), Made({name: WIDE}, {name: changed(WIDE)}))
    if request.param == "could not run":
        return outcome(folder, Made({name: SCORES}), first=dies_of(signal.SIGILL))
    return SmokeResult("broken.tar.gz", "pi@192.168.1.5", is_emulated=False, error="broken.tar.gz is damaged.")


def test_the_page_says_the_verdict_first(tmp_path: Path, result: SmokeResult) -> None:
    write_html(tmp_path / "page.html", result)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    body = page.partition("<main>")[2]
    assert f"<strong>{result.verdict.capitalize()}.</strong>" in body[:600]
    assert "<script" not in page and "<b>" not in page
    assert ("Differences" in body) == (result.verdict == "different")
    assert body.count("<figure") == (result.verdict == "different")
    assert "http://" not in body.replace("http://www.w3.org", "").replace("http://purl.org", "")


def test_the_same_result_is_the_same_page(tmp_path: Path, result: SmokeResult) -> None:
    for name in ("one.html", "two.html"):
        write_html(tmp_path / name, result)
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    found = outcome(tmp_path / "made", Made({"\ud800": SCORES}))
    found.name = "\udcff.tar.gz"
    write_html(tmp_path / "page.html", found)
    assert "?.tar.gz" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_the_picture_shows_the_place_of_the_difference(tmp_path: Path) -> None:
    write_html(tmp_path / "page.html", outcome(tmp_path / "made", Made({"a": WIDE}, {"a": changed(WIDE)})))
    assert "values 740 to 839 of 1,000" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_no_figures_of_an_emulated_latency(tmp_path: Path) -> None:
    found = outcome(tmp_path / "made", Made({"a": SCORES}))
    found.is_emulated = True
    write_html(tmp_path / "page.html", found)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "not meaningful under emulation" in page and "µs" not in page


def test_browsers_ask_for_nothing_and_complain_of_nothing(
    tmp_path: Path,
    result: SmokeResult,
    open_in_chromium: Callable[[Path, int], tuple[list[str], list[str]]],
) -> None:
    write_html(tmp_path / "page.html", result)
    console, requests = open_in_chromium(tmp_path / "page.html", 360)
    assert not console
    assert all(request.startswith(("file:", "data:")) for request in requests)


def test_the_picture_marks_the_bits_that_differ() -> None:
    """A zero of another sign does; the same NaN does not."""
    expected, got = np.array([0, np.nan, 1, 2], np.float32), np.array([-0.0, np.nan, 1, 3], np.float32)
    figure = Figure()
    draw_difference(figure, (expected, got), 0, 4)
    assert [patch.get_x() for patch in figure.axes[0].patches] == [-0.5, 2.5]
