"""The recipe of an ONNX file is chosen on its .tflite form, and proven on what is written."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from edgequant_runtime import Session
from edgequant_runtime.isolation import engine_process
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edgequant_converters import OutputError, UnsupportedError, _quantize_hub, convert
from edgequant_converters._choose import Choice, KeepFirst, Write, choose
from edgequant_converters._measure import FloatHub
from edgequant_converters._prove import Draft, proven
from edgequant_converters._request import Ranges
from edgequant_converters._twin import Twin, _same_as, twin_of
from edgequant_converters.calibration import MINMAX, Evidence, Rounding
from edgequant_converters.onnx_quantizer import layer_inputs, watch_onnx
from edgequant_converters.quantizer import watch_litert
from edgequant_converters.tflite import read_model

DRAW = np.random.default_rng(3)
IMAGES = DRAW.normal(size=(40, 3, 12, 12)).astype(np.float32)


def classifier(folder: Path, *, size: int | str = 12) -> Path:
    """Write two convolutions, of which the second is padded, a SiLU and a layer that reads all pixels or their mean."""
    draw = np.random.default_rng(2)  # whichever tests have run before
    constants = {
        "w1": draw.normal(size=(8, 3, 3, 3)), "b1": draw.normal(size=8), "w2": draw.normal(size=(6, 8, 3, 3)),
        "b2": draw.normal(size=6), "w3": draw.normal(size=(6 * 25 if size == 12 else 6, 5)), "b3": draw.normal(size=5),
    }  # fmt: skip
    nodes = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["a"]),
        helper.make_node("Sigmoid", ["a"], ["s"]),
        helper.make_node("Mul", ["a", "s"], ["m"]),
        helper.make_node("Conv", ["m", "w2", "b2"], ["c"], pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Relu", ["c"], ["r"]),
        *([] if size == 12 else [helper.make_node("GlobalAveragePool", ["r"], ["g"])]),
        helper.make_node("Flatten", ["r" if size == 12 else "g"], ["f"]),
        helper.make_node("Gemm", ["f", "w3", "b3"], ["y"]),
    ]
    ends = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, size, size]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 5]),
    ]
    given = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "classifier", ends[:1], ends[1:], given)
    path = folder / "hub.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def seen_of(hub: Path) -> tuple[Evidence, Twin]:
    """Return what the images show of a hub, and its twin."""
    watch, seen = watch_onnx(hub), Evidence(layer_inputs(hub))
    fit = KeepFirst({"x": image[np.newaxis]} for image in IMAGES)
    for sample in fit:
        for name, value in watch.run(sample):
            seen.update(name, value)
    return seen, twin_of(hub, watch, seen, None, fit)


def test_a_twin_knows_what_it_would_have_seen(tmp_path: Path) -> None:
    with engine_process():
        _, twin = seen_of(classifier(tmp_path))
        model = read_model(twin.hub)
        watch, own = watch_litert(model), Evidence({name: (-1, len(m)) for name, m in twin_means(twin).items()})
        for image in IMAGES:
            for name, value in watch.run({"x": image[np.newaxis]}):
                own.update(name, value)
    assert twin.evidence.ranges().keys() == own.ranges().keys()
    for name in twin.same:
        # A border adds zeros.
        assert np.allclose(*((*map(abs, e.ranges()[name]),) for e in (twin.evidence, own)), rtol=1e-4), name
    exact = {name for name in twin_means(twin) if name in twin.same and "pad" not in name}
    assert {twin.same[name] for name in exact} == {"x"}
    for name in exact:
        assert np.allclose(twin_means(twin)[name], own.rounding().means[name], rtol=1e-3, atol=1e-4), name


def twin_means(twin: Twin) -> dict[str, NDArray[np.float64]]:
    """Return the means of the channels that the twin's layers read."""
    return dict(twin.evidence.rounding().means)


def chosen_on(twin: Twin, output: Path) -> tuple[list[Ranges], Write, Choice]:
    """Choose among models that are all the twin; return the ranges that were written, what writes, and the choice."""
    written = list[Ranges]()

    def write(ranges: Ranges, rounding: Rounding | None, stand_in: Path | None) -> int:
        written.append(ranges)
        output.write_bytes(twin.hub.read_bytes())
        return 0

    return written, write, choose(FloatHub(twin.hub), output, write, twin.evidence, twin.fit)


def test_a_recipe_goes_by_the_names_of_both(tmp_path: Path) -> None:
    with engine_process():
        seen, twin = seen_of(classifier(tmp_path))
        written, write, choice = chosen_on(twin, tmp_path / "out.tflite")
        choice.taken_to(twin.evidence, twin.same, seen).write(write, seen)
    assert written[-1] == {name: pytest.approx(ends) for name, ends in seen.choices()[MINMAX].items()}


@pytest.mark.parametrize(("chosen", "its_own"), [("m", True), ("c/pad", False), ("x", True), ("a/transpose", False)])
def test_a_tensor_goes_the_way_of_the_one_of_its_name(tmp_path: Path, chosen: str, its_own: bool) -> None:
    with engine_process():
        seen, twin = seen_of(classifier(tmp_path))
        written, write, choice = chosen_on(twin, tmp_path / "out.tflite")
    choice = replace(choice, pick=replace(choice.pick, own=((chosen, "least squares"),)))
    choice.taken_to(twin.evidence, twin.same, seen).write(write, seen)
    choices, name = seen.choices(), twin.same[chosen]
    assert choices["least squares"][name] != pytest.approx(choices[MINMAX][name])
    assert written[-1][name] == choices["least squares" if its_own else MINMAX][name]


def test_values_that_several_tensors_have_tell_of_none() -> None:
    image = IMAGES[0]
    assert _same_as("step", image, {"x": image}) == ("x", True)
    assert _same_as("step", image, {"x": image, "y": image}) == (None, False)
    assert _same_as("y/step", image, {"x": image, "y": image}) == ("y", True)
    assert _same_as("step", np.zeros_like(image), {"x": np.zeros_like(image)}) == (None, False)


def test_what_a_mask_made_infinite_is_the_same_where_it_is_infinite_in_both() -> None:
    image, other = IMAGES[0].copy(), IMAGES[0].copy()
    image[:, 0] = -np.inf
    assert _same_as("y/step", image, {"y": image}) == ("y", True)
    assert _same_as("y/step", other, {"y": image}) == (None, False)


def test_onnx_is_chosen_on_its_twin_and_proven(tmp_path: Path) -> None:
    report = convert(classifier(tmp_path), tmp_path / "1.onnx", quantize="int8", calibration=IMAGES)
    there, chosen = report.choices[-2:]
    assert (there.what, chosen.what) == ("what was chosen, on the .tflite", "what was chosen, as it is written")
    assert there.samples == chosen.samples == 8
    assert there.taken and chosen.taken and chosen.sqnr_db >= there.sqnr_db - 0.2
    again = convert(tmp_path / "hub.onnx", tmp_path / "2.onnx", quantize="int8", calibration=IMAGES)
    assert again.output.read_bytes() == report.output.read_bytes()


def test_what_litert_cannot_say_is_measured_in_onnx_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*given: object) -> Twin:
        raise UnsupportedError("LiteRT has no such operator.")

    monkeypatch.setattr(_quantize_hub, "twin_of", refused)
    report = convert(classifier(tmp_path), tmp_path / "1.onnx", quantize="int8", calibration=IMAGES)
    whole = {"minmax ranges", "biases that make up for rounding", "least fourth powers ranges", "least squares ranges"}
    assert {step.what for step in report.choices} <= whole
    assert len(report.choices) > 1


def test_what_fails_otherwise_on_the_twin_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: object) -> Twin:
        raise OutputError("No space is left.")

    monkeypatch.setattr(_quantize_hub, "twin_of", full)
    with pytest.raises(OutputError, match="No space"):
        convert(classifier(tmp_path), tmp_path / "1.onnx", quantize="int8", calibration=IMAGES)


@pytest.mark.parametrize(
    ("as_onnx", "plain", "more", "taken", "files"),
    [
        ("hub", "coarse", 0, True, ["own"]),  # as good as on the .tflite: nothing else is written
        ("coarse", "hub", 0, False, ["own", "spare", "own"]),
        ("coarse", "coarse", 0, True, ["own", "spare"]),
        ("hub", "hub", 1, False, ["own", "spare", "own"]),
    ],
)
def test_what_is_worse_as_onnx_is_not_written(
    tmp_path: Path, as_onnx: str, plain: str, more: int, taken: bool, files: list[str]
) -> None:
    hub, trial = classifier(tmp_path), tmp_path / "trial.tflite"
    convert(hub, tmp_path / "coarse.onnx", quantize="weight-int4")
    with engine_process():
        seen, twin = seen_of(hub)
        written = list[str]()

        def draft(name: str) -> Draft:
            output = tmp_path / f"{name}.onnx"

            def write(ranges: Ranges, rounding: Rounding | None, stand_in: Path | None) -> int:
                is_plain = rounding is None and ranges == seen.choices()[MINMAX]
                output.write_bytes((tmp_path / f"{plain if is_plain else as_onnx}.onnx").read_bytes())
                written.append(name)
                return 0 if is_plain else more

            return Draft(output, write, lambda ranges: 0)

        def coarse(ranges: Ranges, rounding: Rounding | None, stand_in: Path | None) -> int:
            convert(twin.hub, trial, quantize="fp32" if rounding is not None else "weight-int4")
            return 0

        choice = choose(FloatHub(twin.hub), trial, coarse, twin.evidence, twin.fit)
        assert any(step.taken for step in choice.steps[1:])
        there = choice.taken_to(twin.evidence, twin.same, seen)
        found = proven(FloatHub(hub), draft("own"), draft("spare"), seen, twin.fit, there)
    assert written == files
    assert found.pick.is_plain(MINMAX) != taken
    added = found.steps[len(choice.steps) :]
    assert [step.taken for step in added] == [True, *([not taken] if "spare" in files else []), taken]
    assert added[0].sqnr_db == choice.first_third_db


def test_images_of_other_sizes_calibrate_too(tmp_path: Path) -> None:
    images = [image[:, :rows] for image, rows in zip(IMAGES, [12, 8] * 20, strict=True)]
    report = convert(classifier(tmp_path, size="size"), tmp_path / "1.onnx", quantize="int8", calibration=images)
    assert report.calibration_samples >= 36
    assert 8 < report.choices[0].samples < 16, "those of the first one's size, of 24"
    assert Session(report.output).inputs[0].shape[2:] == (-1, -1)
