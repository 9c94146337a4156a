"""Resize and Upsample, imported from ONNX, against ONNX Runtime."""

import pytest

from .onnx_import_check import check, floats, ints, rand

X4 = rand(2, 4, 7, 9)
COORDINATES = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric")
ROUNDINGS = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("sizes", [(14, 18), (5, 4), (7, 20), (1, 9)], ids=str)
@pytest.mark.parametrize("coordinates", COORDINATES)
def test_to_sizes(mode: str, sizes: tuple[int, int], coordinates: str) -> None:
    for rounding in ROUNDINGS if mode == "nearest" else (None,):
        how = {"mode": mode, "coordinate_transformation_mode": coordinates}
        how |= {"nearest_mode": rounding} if rounding else {}
        opset = 19 if coordinates == "half_pixel_symmetric" else 18
        check("Resize", X4, None, None, ints(2, 4, *sizes), **how, opset=opset, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("scales", [(2.0, 2.0), (0.6, 1.7)], ids=str)
def test_by_scales(mode: str, scales: tuple[float, float]) -> None:
    check("Resize", X4, None, floats(1, 1, *scales), mode=mode, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("sizes", [(3, 4), (9, 5)], ids=str)
@pytest.mark.parametrize("exclude_outside", [0, 1])
def test_antialias(mode: str, sizes: tuple[int, int], exclude_outside: int) -> None:
    how = {"mode": mode, "antialias": 1} | ({"exclude_outside": exclude_outside} if mode == "cubic" else {})
    check("Resize", X4, None, None, ints(2, 4, *sizes), **how, rtol=1e-4, atol=1e-5)


def test_cubic_of_another_coefficient_within_the_image() -> None:
    how = {"mode": "cubic", "cubic_coeff_a": -0.5, "exclude_outside": 1}
    check("Resize", X4, None, floats(1, 1, 0.7, 1.5), **how, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_part_of_an_image(mode: str) -> None:
    region = floats(0, 0, 0.25, -0.2, 1, 1, 0.75, 1.3)
    how = {"mode": mode, "coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": 7.0}
    check("Resize", X4, region, None, ints(2, 4, 6, 11), **how, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("policy", ["not_larger", "not_smaller"])
def test_kept_ratio(policy: str) -> None:
    check("Resize", X4, None, None, ints(10, 10), axes=[2, 3], keep_aspect_ratio_policy=policy, mode="nearest")


def test_other_ranks_and_axes() -> None:
    check("Resize", rand(2, 3, 5), None, floats(1, 1, 2), mode="linear")
    check("Resize", rand(2, 3, 4, 5, 6), None, floats(1, 1, 2, 1.5, 2), mode="linear", rtol=1e-4, atol=1e-5)
    check("Resize", rand(4, 6), None, None, ints(3, 9), mode="cubic", rtol=1e-4, atol=1e-5)
    check("Resize", rand(2, 6, 4, 3), None, None, ints(9), axes=[1], mode="nearest")


def test_older_opsets() -> None:
    check("Upsample", X4, floats(1, 1, 2, 3), mode="nearest", opset=9)
    check("Upsample", X4, scales=[1.0, 1.0, 2.0, 2.0], mode="nearest", opset=7, most=3)
    check("Resize", X4, floats(1, 1, 2, 2), mode="linear", opset=10)


def test_what_one_operator_does_is_one_operator() -> None:
    for how in ({"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
                {"mode": "linear"}, {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
                {"mode": "nearest"}):  # fmt: skip
        check("Resize", X4, None, floats(1, 1, 2, 2), **how, most=3)
