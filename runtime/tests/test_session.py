from __future__ import annotations

import numpy as np
import pytest

from edgequant_runtime import InputError, Session, SessionError, usable_cores
from edgequant_runtime._inputs import by_name

SUFFIXES = {"native": ".tflite", "litert": ".tflite", "onnxruntime": ".onnx"}


@pytest.fixture
def classifier(models, engine):
    return Session(models / f"float{SUFFIXES[engine]}", engine=engine, threads=1)


@pytest.fixture
def two_inputs(models, engine):
    return Session(models / f"two_inputs{SUFFIXES[engine]}", engine=engine, threads=1)


@pytest.mark.parametrize(("model", "engine"), [("data_dependent.tflite", "litert"), ("float.onnx", "onnxruntime")])
def test_auto_goes_by_content_and_not_by_suffix(models, tmp_path, model, engine):
    misnamed = tmp_path / "model.bin"
    misnamed.write_bytes((models / model).read_bytes())
    assert Session(misnamed).engine == engine
    assert Session(misnamed.read_bytes()).engine == engine


def test_describes_inputs_and_outputs(classifier):
    (features,) = classifier.inputs
    (probabilities,) = classifier.outputs
    assert (features.name, features.shape, features.dtype) == ("features", (-1, 4), np.float32)
    assert (probabilities.name, probabilities.shape) == ("probabilities", (-1, 3))
    assert features.scale is None
    assert features.zero_point is None
    assert not features.is_quantized


def test_both_engines_agree(models, engine, classifier):
    x = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
    probabilities = classifier.run(x)["probabilities"]
    assert probabilities.shape == (7, 3)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(7), abs=1e-6)
    other = Session(models / "float.onnx", engine="onnxruntime").run(x)["probabilities"]
    np.testing.assert_allclose(probabilities, other, atol=1e-6)


def test_free_batch_is_resized_back_and_forth(classifier):
    x = np.random.default_rng(1).normal(size=(6, 4)).astype(np.float32)
    whole = classifier.run(x)["probabilities"]
    one_by_one = [classifier.run(x[i : i + 1])["probabilities"] for i in range(6)]
    np.testing.assert_allclose(whole, np.concatenate(one_by_one), atol=1e-6)


def test_results_are_copies(classifier):
    first = classifier.run(np.zeros((1, 4)))["probabilities"]
    before = first.copy()
    classifier.run(np.ones((1, 4)))
    np.testing.assert_array_equal(first, before)


def test_takes_lists_other_float_types_and_non_contiguous_arrays(classifier):
    x = np.random.default_rng(2).normal(size=(4, 2)).astype(np.float32)
    expected = classifier.run(np.ascontiguousarray(x.T))["probabilities"]
    np.testing.assert_array_equal(classifier.run(x.T)["probabilities"], expected)
    np.testing.assert_array_equal(classifier.run(x.T.astype(np.float64))["probabilities"], expected)
    np.testing.assert_array_equal(classifier.run({"features": x.T.tolist()})["probabilities"], expected)


def test_several_inputs_go_by_name(two_inputs):
    outputs = two_inputs.run({"b": np.array([[1, 2, 3]], np.int64), "a": np.array([[0.5, 0.5, 0.5]])})
    assert outputs.keys() == {"sum", "twice"}
    np.testing.assert_array_equal(outputs["sum"], np.array([[1.5, 2.5, 3.5]], np.float32))
    np.testing.assert_array_equal(outputs["twice"], np.array([[2, 4, 6]], np.int32))


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (np.zeros((1, 3)), "has 2 inputs"),
        ({"a": np.zeros((1, 3))}, "'b' is missing"),
        ({"a": np.zeros((1, 3)), "b": np.zeros((1, 3), int), "c": 1.0}, "no input 'c'"),
        ({"a": np.zeros((1, 4)), "b": np.zeros((1, 3), int)}, r"shape \(1, 4\), but the model takes \(1, 3\)"),
        ({"a": np.zeros((2, 3)), "b": np.zeros((2, 3), int)}, r"shape \(2, 3\), but"),
        ({"a": np.zeros(3), "b": np.zeros((1, 3), int)}, r"shape \(3,\), but"),
        ({"a": np.zeros((1, 3), int), "b": np.zeros((1, 3), int)}, "takes floats .float32., not int64"),
        ({"a": np.zeros((1, 3)), "b": np.zeros((1, 3))}, "takes integers .int32., not float64"),
        ({"a": np.zeros((1, 3)), "b": np.full((1, 3), 2**31)}, "values that int32 cannot hold"),
        ({"a": [["x", "y", "z"]], "b": np.zeros((1, 3), int)}, "no array of numbers"),
        ({"a": [[1.0, 2.0], [3.0]], "b": np.zeros((1, 3), int)}, "no array of numbers"),
        ({"a": None, "b": np.zeros((1, 3), int)}, "no array of numbers"),
    ],
)
def test_inputs_that_do_not_fit(two_inputs, inputs, message):
    with pytest.raises(InputError, match=message):
        two_inputs.run(inputs)


def test_raw_converts_nothing(two_inputs):
    with pytest.raises(InputError, match="is float32, not float64"):
        two_inputs.run({"a": np.zeros((1, 3)), "b": np.zeros((1, 3), np.int32)}, raw=True)


def test_empty_batch(classifier):
    with pytest.raises(InputError, match="any size from 1 up"):
        classifier.run(np.zeros((0, 4)))


def test_views_are_the_engines_memory(classifier):
    x = np.random.default_rng(3).normal(size=(1, 4)).astype(np.float32)
    view = classifier.input_view("features")
    view[...] = x
    classifier.invoke()
    first = classifier.output_view("probabilities").copy()
    view[...] = 2 * x
    classifier.invoke()  # while a view is held
    second = classifier.output_view("probabilities").copy()
    np.testing.assert_array_equal(first, classifier.run(x)["probabilities"])
    np.testing.assert_array_equal(second, classifier.run(2 * x)["probabilities"])


def test_fixed_size_output_view_follows_each_inference(two_inputs):
    a, b, total = two_inputs.input_view("a"), two_inputs.input_view("b"), two_inputs.output_view("sum")
    for value in (1, 2):
        a[...], b[...] = value, value
        two_inputs.invoke()
        np.testing.assert_array_equal(total, np.full((1, 3), 2 * value, np.float32))


def test_views_outlive_their_session(models, engine):
    session = Session(models / f"two_inputs{SUFFIXES[engine]}", engine=engine)
    view, part = session.input_view("a"), session.output_view("sum")[0, 1:]
    session.run({"a": np.ones((1, 3)), "b": np.ones((1, 3), int)})
    del session
    np.testing.assert_array_equal(part, [2, 2])
    view[...] = 5


def test_unknown_view(classifier):
    with pytest.raises(InputError, match="no input 'x': the model has 'features'"):
        classifier.input_view("x")
    with pytest.raises(InputError, match="no output 'features'"):
        classifier.output_view("features")


@pytest.mark.parametrize("engine", ["litert", "onnxruntime"])
def test_output_whose_size_depends_on_the_data(models, engine):
    session = Session(models / f"data_dependent{SUFFIXES[engine]}")
    for values in ([1, -1, 2, 3, 0], [-1, -1, -1, -1, 4], [-1] * 5, [1] * 5):
        places = session.run(np.array(values, np.float32))["places"]
        np.testing.assert_array_equal(places.ravel(), np.flatnonzero(np.array(values) > 0))
    fresh = Session(models / f"data_dependent{SUFFIXES[engine]}")
    with pytest.raises(SessionError, match="output 'places'"):
        fresh.output_view("places")


def test_threads_default_to_every_usable_core(classifier, models):
    assert classifier.threads == 1
    assert Session(models / "float.onnx").threads == usable_cores() >= 1


def test_threads_are_an_integer_of_any_type(models):
    threads = Session(models / "float.onnx", threads=np.int64(2)).threads
    assert (threads, type(threads)) == (2, int)


@pytest.mark.parametrize("threads", [0, -1, 257, 10**30, 1.5, True, "2", np.float32(2), np.ones(2, int)])
def test_no_number_of_threads(models, threads):
    with pytest.raises(SessionError, match="no number of threads"):
        Session(models / "float.onnx", threads=threads)


@pytest.mark.parametrize("inputs", [np.ones(3), [], {"x": np.ones(3)}])
def test_a_model_without_inputs_takes_an_empty_mapping(inputs):
    assert by_name({}, []) == []
    with pytest.raises(InputError, match=r"The model has no inputs: give it an empty mapping, \{\}\."):
        by_name(inputs, [])
