import json

import numpy as np
import pytest
from edgequant_runtime import Session, TensorInfo

from edgequant._compare import compare
from edgequant._errors import EdgequantError
from edgequant._matching import match_inputs, match_outputs


@pytest.fixture
def features(tmp_path):
    path = tmp_path / "features.npy"
    np.save(path, np.random.default_rng(0).uniform(-1, 1, (200, 4)))
    return path


def info(name, shape, dtype="float32", scale=None, zero_point=None):
    return TensorInfo(name, shape, np.dtype(dtype), scale, zero_point)


def test_figures_are_those_of_the_definitions(cli, models, features, tmp_path):
    x = np.load(features)
    reference = Session(models / "float.onnx").run(x)["probabilities"].astype(np.float64)
    model = Session(models / "int8.tflite").run(x)["probabilities"].astype(np.float64)
    labels = np.random.default_rng(1).integers(0, 3, len(x))
    np.save(tmp_path / "labels.npy", labels)
    data = ("--data", features, "--labels", tmp_path / "labels.npy")
    result = cli("compare", models / "float.onnx", models / "int8.tflite", *data, "--json")
    document = json.loads(result.stdout)
    (output,) = document["outputs"]
    error = reference - model
    assert output["name"] == "probabilities"
    assert output["sqnr_db"] == pytest.approx(10 * np.log10((reference**2).sum() / (error**2).sum()), abs=1e-4)
    assert output["max_abs_error"] == pytest.approx(np.abs(error).max(), rel=1e-4)
    cosine = (reference * model).sum() / np.sqrt((reference**2).sum() * (model**2).sum())
    assert output["cosine"] == pytest.approx(cosine, rel=1e-6)
    chosen = reference.argmax(1), model.argmax(1)
    assert document["accuracy"] == {
        "output": "probabilities",
        "reference": np.mean(chosen[0] == labels),
        "model": np.mean(chosen[1] == labels),
        "agreement": np.mean(chosen[0] == chosen[1]),
    }
    assert document["samples"] == 200


def test_a_model_against_itself(cli, models, features):
    result = cli("compare", models / "float.tflite", models / "float.tflite", "--data", features)
    assert result.exit_code == 0
    assert "identical" in result.stdout
    assert "same class by 'probabilities': 100.00%" in result.stdout


def test_an_output_that_never_varies_is_named(cli, models, features, tmp_path):
    np.save(tmp_path / "same.npy", np.repeat(np.load(features)[:1], 5, axis=0))
    for data, constant in ((features, False), (tmp_path / "same.npy", True)):
        arguments = ("compare", models / "float.tflite", models / "float.tflite", "--data", data)
        assert ("probabilities never varies over the samples" in cli(*arguments).stdout) == constant
        assert json.loads(cli(*arguments, "--json").stdout)["outputs"][0]["constant"] == constant


def test_several_inputs_and_outputs_in_another_order(models):
    rng = np.random.default_rng(2)
    data = {"a": rng.normal(size=(9, 3)), "b": rng.integers(-5, 5, (9, 3))}
    result = compare(models / "two_inputs.onnx", models / "two_inputs.tflite", data)
    assert {output.name: output.sqnr_db for output in result.outputs} == {"sum": 300.0, "twice": 300.0}
    assert result.samples == 9
    assert result.accuracy.agreement == 1.0


def test_outputs_without_classes_have_no_accuracy(models):
    data = np.random.default_rng(3).normal(size=(4, 5)).astype(np.float32) ** 2 + 1
    result = compare(models / "data_dependent.onnx", models / "data_dependent.onnx", data)
    assert result.outputs[0].sqnr_db == 300.0
    # (1, 5) places for each sample look like scores of 5 classes: compare cannot know better
    assert result.accuracy.output == "places"


def test_a_real_network_keeps_its_decisions(shared):
    folder = shared / "models"
    data = np.random.default_rng(4).integers(0, 256, (20, 32, 32, 3)).astype(np.float32)
    result = compare(folder / "pretrainedResnet.tflite", folder / "pretrainedResnet_quant.tflite", data)
    assert result.outputs[0].sqnr_db > 10
    assert result.accuracy.agreement >= 0.75


def test_not_finite_outputs_are_null(cli, models, tmp_path):
    np.save(tmp_path / "big.npy", np.full((2, 4), 3e38, np.float32))
    result = cli("compare", models / "float.onnx", models / "float.tflite", "--data", tmp_path / "big.npy", "--json")
    assert result.exit_code == 0, result.stderr
    (output,) = json.loads(result.stdout)["outputs"]
    assert output["sqnr_db"] is None
    assert output["cosine"] is None


def test_matching_goes_by_name_then_position_then_shape():
    x, y = info("x", (1, 8)), info("y", (1, 4))
    assert [pair.model for pair in match_inputs([x, y], [y, x])] == [x, y]
    p, q = info("p", (-1, 8)), info("q", (1, 4), "int8", 0.5, 0)
    assert [pair.model for pair in match_inputs([x, y], [p, q])] == [p, q]
    assert [pair.model for pair in match_inputs([x, y], [q, p])] == [p, q]


def test_a_free_size_takes_what_the_other_model_fixes():
    (pair,) = match_inputs([info("x", (-1, 8))], [info("x", (16, 8))])
    assert pair.tightened.shape == (16, 8)


@pytest.mark.parametrize(
    ("ours", "theirs", "message"),
    [
        ((1, 32, 32, 3), (1, 3, 32, 32), "one takes NHWC images, the other NCHW"),
        ((-1, 3, 32, 32), (1, 32, 32, 3), "one takes NHWC images, the other NCHW"),
        ((1, 32), (1, 64), "is 1x32 float32 in the reference, but 'x' is 1x64 float32 in the model"),
    ],
)
def test_inputs_that_do_not_match(ours, theirs, message):
    with pytest.raises(EdgequantError, match=message):
        match_inputs([info("x", ours)], [info("x", theirs)])


def test_integers_are_not_real_values():
    with pytest.raises(EdgequantError, match="compare two models with the same inputs"):
        match_inputs([info("x", (1, 8))], [info("x", (1, 8), "int32")])


def test_another_number_of_outputs():
    with pytest.raises(EdgequantError, match="The reference has 1 outputs and the model 2"):
        match_outputs([info("y", (1,))], [info("y", (1,)), info("z", (1,))])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(199, int), "There are 199 labels for 200 samples"),
        (np.zeros(200), "must hold integer class indices, but it holds float64"),
        (np.zeros((200, 3), int), r"its shape is (200, 3)"),
        (np.full(200, 3), "The labels go from 3 to 3, but the model has the classes 0 to 2"),
        (np.full(200, -1), "The labels go from -1 to -1"),
        (np.zeros(0, int), "There are 0 labels for 200 samples"),
    ],
)
def test_labels_that_do_not_fit(cli, models, features, tmp_path, labels, message):
    np.save(tmp_path / "labels.npy", labels)
    data = ("--data", features, "--labels", tmp_path / "labels.npy")
    result = cli("compare", models / "float.tflite", models / "int8.tflite", *data)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_labels_that_are_no_labels(cli, models, features, tmp_path):
    (tmp_path / "labels.txt").write_text("1 2 3")
    np.savez(tmp_path / "labels.npz", a=np.zeros(200, int))
    for name, message in (("labels.txt", "is no .npy file"), ("labels.npz", "archive"), ("none", "There is no file")):
        models_and_data = (models / "float.tflite", models / "int8.tflite", "--data", features)
        result = cli("compare", *models_and_data, "--labels", tmp_path / name)
        assert result.exit_code == 2
        assert message in result.stderr


def test_labels_may_be_an_array_or_a_list(models, features, tmp_path):
    labels = np.random.default_rng(1).integers(0, 3, 200)
    np.save(tmp_path / "labels.npy", labels)
    given = (tmp_path / "labels.npy", labels, labels.astype(np.uint8), labels.tolist())
    both = models / "float.onnx", models / "int8.tflite"
    accuracies = [compare(*both, features, labels=form).accuracy for form in given]
    assert accuracies == [accuracies[0]] * 4
    assert accuracies[0].reference is not None


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0.5] * 200, "The array of labels must hold integer class indices, but it holds float64"),
        (["a"] * 200, "must hold integer class indices"),
        ([[0], [1, 2]], "The labels are no array"),
        (3, r"its shape is \(\)"),
    ],
)
def test_arrays_that_are_no_labels(models, features, labels, message):
    with pytest.raises(EdgequantError, match=message):
        compare(models / "float.onnx", models / "int8.tflite", features, labels=labels)


def test_labels_are_counted_before_the_models_run(models, features):
    calls = []
    with pytest.raises(EdgequantError, match="There are 3 labels for 200 samples"):
        compare(
            models / "float.onnx", models / "int8.tflite", features, labels=[0, 1, 2],
            progress=lambda *call: calls.append(call),
        )  # fmt: skip
    assert not calls


def test_labels_for_samples_that_nobody_counted_are_counted_after_the_run(models, features):
    with pytest.raises(EdgequantError, match="There are 3 labels for 200 samples"):
        compare(models / "float.onnx", models / "int8.tflite", iter(np.load(features)), labels=[0, 1, 2])


def test_float16_is_held_against_float32(cli, models, features):
    asked = ("--data", features, "--precision", "float16")
    result = cli("compare", models / "float.tflite", models / "float.tflite", *asked, "--json")
    (output,) = json.loads(result.stdout)["outputs"]
    assert 45 < output["sqnr_db"] < 90  # float32 against itself would be without end
    refused = cli("compare", models / "float.tflite", models / "float.tflite", *asked, "--layers")
    assert refused.exit_code == 2
    assert "Layers are compared in float32" in refused.stderr
