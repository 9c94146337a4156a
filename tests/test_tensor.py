"""`edgequant tensor`: figures that can be computed by hand, the page, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgequant


@pytest.fixture
def uniform(tmp_path: Path) -> Path:
    path = tmp_path / "uniform.npy"
    np.save(path, np.random.default_rng(0).uniform(-1000, 1000, (64, 64)).astype(np.float32))
    return path


def test_a_uniform_tensor_has_the_known_errors(uniform: Path, cli: Callable[..., Any]) -> None:
    found = json.loads(cli("tensor", uniform, "--json").stdout)
    ways = {way["name"]: way for way in found["ways"]}
    # Rounding to steps of d costs d^2 / 12, and of n values the largest sets the step.
    assert ways["symmetric, per tensor"]["mse"] == pytest.approx((1000 / 127) ** 2 / 12, rel=0.05)
    assert ways["asymmetric, per tensor"]["mse"] == pytest.approx((2000 / 255) ** 2 / 12, rel=0.05)
    assert ways["symmetric, per channel of axis 0"]["mse"] == pytest.approx(4.9, abs=0.2)
    assert ways["symmetric, per group of 8"]["mse"] == pytest.approx(3.6, abs=0.1)
    assert [way["scales"] for way in found["ways"]] == [1, 1, 64, 512]
    assert ways["symmetric, per group of 8"]["bits_per_value"] == 12


def test_the_curves_end_at_the_ways(uniform: Path) -> None:
    study = edgequant.study_tensor(uniform)
    per_tensor, per_channel, per_group = study.ways[1:]
    sized = {point.values: point for point in study.over_size}
    assert (sized[8].mse, sized[64].mse, sized[4096].mse) == (per_group.mse, per_channel.mse, per_tensor.mse)
    assert study.over_range[-1].share == 1
    assert study.over_range[-1].mse == pytest.approx(per_tensor.mse)
    assert study.over_range[0].mse > 1e5  # a tenth of the range: nearly everything saturates


def test_an_outlier_is_worth_less_than_its_steps(tmp_path: Path, cli: Callable[..., Any]) -> None:
    values = np.random.default_rng(0).normal(size=(32, 64)).astype(np.float32)
    values[0, 0] = 30
    np.save(tmp_path / "outlier.npy", values)
    result = cli("tensor", tmp_path / "outlier.npy", "--bits", "4")
    assert "of the largest magnitude has an MSE of" in result.stdout


@pytest.mark.parametrize(
    "values",
    [np.zeros((2, 3), np.float32), np.arange(7), np.full((3, 2, 2, 6), -0.5, np.float16)],
    ids=["zeros", "integers in one odd axis", "one value"],
)
def test_unusual_tensors_have_a_page(values: Any, tmp_path: Path) -> None:
    edgequant.study_tensor(values, bits=3, html=tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 4 + 2 * (4 if values.shape[-1] % 2 == 0 else 3)
    assert "http" not in page.replace("http://www.w3.org/", "")


def test_the_page_is_the_same_every_time(uniform: Path, tmp_path: Path) -> None:
    pages = [tmp_path / name for name in ("one.html", "two.html")]
    for page in pages:
        edgequant.study_tensor(uniform, html=page)
    assert pages[0].read_bytes() == pages[1].read_bytes()


@pytest.mark.parametrize(
    ("values", "options", "sentence"),
    [
        (np.ones((4, 6), np.float32), ("--group-size", "4"), "do not divide the 6 values"),
        (np.ones((4, 6), np.float32), ("--axis", "2"), "has no axis 2"),
        (np.ones((4, 6), np.float32), ("--bits", "1"), "2 to 16 bits"),
        (np.array([1.0, np.nan]), (), "infinite values or NaN"),
        (np.array(["a"]), (), "array of real numbers"),
        (np.float32(1), (), "has no channels"),
        (np.zeros((0, 3)), (), "has no channels"),
    ],
)
def test_refusals_are_one_sentence(
    values: Any, options: tuple[str, ...], sentence: str, tmp_path: Path, cli: Callable[..., Any]
) -> None:
    np.save(tmp_path / "values.npy", values)
    result = cli("tensor", tmp_path / "values.npy", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr and result.stderr.count("\n") == 1


def test_a_file_that_is_no_tensor_is_refused(tmp_path: Path, cli: Callable[..., Any]) -> None:
    (tmp_path / "text.npy").write_text("hello")
    np.savez(tmp_path / "archive.npy.npz", a=np.ones(3))
    wrong = {"text.npy": "is no .npy file", "archive.npy.npz": "is an archive of a", "x.npy": "x.npy"}
    for name, sentence in wrong.items():
        result = cli("tensor", tmp_path / name)
        assert result.exit_code == 2
        assert sentence in result.stderr


def test_a_cut_archive_is_refused(tmp_path: Path, cli: Callable[..., Any]) -> None:
    np.savez(tmp_path / "whole.npz", a=np.ones(4))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:40])
    result = cli("tensor", tmp_path / "cut.npz")
    assert result.exit_code == 2
    assert "cut.npz is no .npy file" in result.stderr
