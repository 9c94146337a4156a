import json

import numpy as np
import pytest
from edgequant_runtime import Session

from edgequant._run import run_on_data, write_npz


@pytest.fixture
def features(tmp_path):
    path = tmp_path / "features.npy"
    np.save(path, np.random.default_rng(0).normal(size=(7, 4)))
    return path


@pytest.mark.parametrize("model", ["float.tflite", "float.onnx", "int8.tflite"])
def test_outputs_are_those_of_a_session(cli, models, features, tmp_path, model):
    output = tmp_path / "out.npz"
    result = cli("run", models / model, "--input", features, "--output", output)
    assert result.exit_code == 0, result.stderr
    saved = np.load(output)["probabilities"]
    expected = Session(models / model).run(np.load(features))["probabilities"]
    assert saved.shape == (7, 3)
    np.testing.assert_allclose(saved, expected, atol=1e-6)


def test_json_is_one_document_without_chatter(cli, models, features):
    result = cli("run", models / "int8.tflite", "--input", features, "--threads", 1, "--json")
    document = json.loads(result.stdout)
    assert (document["engine"], document["threads"], document["samples"]) == ("native", 1, 7)
    (output,) = document["outputs"]
    probabilities = Session(models / "int8.tflite").run(np.load(features))["probabilities"]
    assert output["shape"] == [7, 3]
    assert output["argmax"] == probabilities.argmax(axis=1).tolist()
    assert (output["min"], output["max"]) == (probabilities.min(), probabilities.max())


def test_raw_takes_and_gives_the_models_integers(cli, models, tmp_path):
    integers = np.random.default_rng(1).integers(-128, 128, (5, 4)).astype(np.int8)
    np.save(tmp_path / "raw.npy", integers)
    arguments = ("run", models / "int8.tflite", "--input", tmp_path / "raw.npy", "--raw")
    assert cli(*arguments, "--output", tmp_path / "out.npz").exit_code == 0
    saved = np.load(tmp_path / "out.npz")["probabilities"]
    assert saved.dtype == np.int8
    np.testing.assert_array_equal(saved, Session(models / "int8.tflite").run(integers, raw=True)["probabilities"])


@pytest.mark.parametrize("model", ["two_inputs.tflite", "two_inputs.onnx"])
def test_several_inputs_come_from_a_npz(cli, models, tmp_path, model):
    a, b = np.arange(6.0).reshape(2, 3), np.arange(6).reshape(2, 3)
    np.savez(tmp_path / "in.npz", a=a, b=b)
    result = cli("run", models / model, "--input", tmp_path / "in.npz", "--output", tmp_path / "out.npz")
    assert result.exit_code == 0, result.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "out.npz")["sum"], a + b)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npz")["twice"], 2 * b)


def test_a_single_sample_of_the_inputs_own_shape(models, tmp_path):
    np.save(tmp_path / "one.npy", np.ones((1, 4)))
    assert run_on_data(models / "float.tflite", tmp_path / "one.npy").outputs["probabilities"].shape == (1, 3)


def test_a_model_without_a_batch_axis_gets_an_axis_of_samples(models, tmp_path):
    np.save(tmp_path / "values.npy", np.array([[1, -1, 2, -1, 1], [-1, 1, 1, 1, -1]], np.float32))
    places = run_on_data(models / "data_dependent.onnx", tmp_path / "values.npy").outputs["places"]
    np.testing.assert_array_equal(places, [[0, 2, 4], [1, 2, 3]])


def test_the_same_inputs_give_the_same_bytes(cli, models, features, tmp_path):
    for name in ("a.npz", "b.npz"):
        cli("run", models / "float.tflite", "--input", features, "--output", tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_names_that_numpy_savez_would_not_take(tmp_path):
    arrays = {"file": np.arange(3), "StatefulPartitionedCall:0": np.ones((2, 2), np.float32), "a/b": np.zeros(())}
    write_npz(tmp_path / "x.npz", arrays)
    loaded = np.load(tmp_path / "x.npz")
    assert set(loaded) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(loaded[name], array)


def test_the_table_names_the_highest_classes(cli, models, features):
    result = cli("run", models / "float.tflite", "--input", features)
    probabilities = Session(models / "float.tflite").run(np.load(features))["probabilities"]
    first = np.argmax(probabilities[0])
    assert f" {first}: {probabilities[0, first]:.4g}" in result.stdout
    assert "and 2 more samples" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("missing.tflite", "--input", "{features}"), "There is no file"),
        (("{features}", "--input", "{features}"), "is no .tflite or .onnx model"),
        (("{models}/unknown_op.onnx", "--input", "{features}"), "ONNX Runtime cannot open unknown_op.onnx"),
        (("{models}/float.tflite", "--input", "missing.npy"), "does not exist"),
        (("{models}/two_inputs.onnx", "--input", "{features}"), "the model's inputs are a, b"),
        (("{models}/float.tflite", "--input", "{features}", "--engine", "onnxruntime"), "use 'native' or 'litert'"),
        (("{models}/float.tflite", "--input", "{features}", "--engine", "x"), "There is no engine 'x'"),
        (("{models}/float.tflite", "--input", "{features}", "--threads", "0"), "no number of threads"),
        (("{models}/float.tflite", "--input", "{features}", "--output", "out.txt"), "should end in .npz"),
        (("{models}/float.tflite", "--input", "{features}", "--output", "no/such/folder/y.npz"), "Cannot write"),
        (("{models}/int8.tflite", "--input", "{features}", "--raw"), "takes int8, but the data holds float64"),
        (("{models}/data_dependent.tflite", "--input", "{values}"), "has another size for each sample"),
    ],
)
def test_bad_input_is_one_sentence(cli, models, features, tmp_path, arguments, message):
    values = tmp_path / "values.npy"
    np.save(values, np.array([[1, 1, 1, 1, 1], [1, -1, -1, -1, -1]], np.float32))
    result = cli("run", *(text.format(models=models, features=features, values=values) for text in arguments))
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("command", ["run", "bench", "compare"])
def test_a_shape_to_open_the_model_with(cli, shared, tmp_path, command):
    """A model whose windows do not fit a single sample of audio, which is what its free size is without the option."""
    model = shared / "zoo" / "oww__melspectrogram.tflite"
    np.save(tmp_path / "audio.npy", np.ones((2, 1600), np.float32))
    arguments = {
        "run": ("run", model, "--input", tmp_path / "audio.npy", "--engine", "litert"),
        "bench": ("bench", model, "--runs", 1, "--engine", "litert"),
        "compare": ("compare", model, model, "--data", tmp_path / "audio.npy"),
    }[command]
    result = cli(*arguments, "--input-shape", "input=1,1600", "--json")
    assert result.exit_code == 0, result.stderr
    refused = cli(*arguments)
    assert (refused.exit_code, "with --input-shape of edgequant run, bench, compare or bundle" in refused.stderr) == (
        2,
        True,
    )
    wrong = cli(*arguments, "--input-shape", "1600")
    assert (wrong.exit_code, "--input-shape 1600 is no shape of an input" in wrong.stderr) == (2, True)


def test_layers_are_compared_with_a_shape_to_open_the_models_with(cli, models, tmp_path):
    model = models / "windows.tflite"
    np.save(tmp_path / "audio.npy", np.random.default_rng(0).normal(size=(3, 1, 9, 2)).astype(np.float32))
    arguments = ("compare", model, model, "--data", tmp_path / "audio.npy", "--layers", "--json")
    result = cli(*arguments, "--input-shape", "audio=1,1,9,2")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["layers"][-1]["accumulated_sqnr_db"] == 300
    assert cli(*arguments).exit_code == 2


@pytest.mark.parametrize("dtype", ["bool", "int64", "float32", "float16"])
@pytest.mark.parametrize("shape", [(), (1, 0), (3,)])
def test_inputs_of_every_rank_and_type(cli, tmp_path, dtype, shape):
    helper = pytest.importorskip("onnx").helper
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    x, y = (helper.make_tensor_value_info(name, kind, shape) for name in "xy")
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "same", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / "same.onnx").write_bytes(model.SerializeToString())
    values = np.ones(shape if shape[:1] == (1,) else (1, *shape), dtype)
    np.save(tmp_path / "x.npy", values)
    result = cli("run", tmp_path / "same.onnx", "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npz")
    assert result.exit_code == 0, result.stderr
    saved = np.load(tmp_path / "y.npz")["y"]
    assert (saved.dtype, saved.tolist()) == (values.dtype, values.tolist())


def test_which_of_several_signatures_is_run(cli, models, features):
    result = cli("run", models / "two_signatures.tflite", "--input", features)
    assert "has the signatures classify, score: 'classify', that of its first graph, is run." in result.stderr
    assert json.loads(cli("run", models / "float.tflite", "--input", features, "--json").stdout)["signature"] == (
        "serving_default"
    )


def test_a_signature_is_run_by_its_name(cli, models, features):
    model = models / "two_signatures.tflite"
    result = cli("run", model, "--input", features, "--signature", "score", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["signature"] == "score"
    result = cli("run", model, "--input", features, "--signature", "scores")
    assert result.exit_code == 2
    assert "There is no signature 'scores': two_signatures.tflite has 'classify', 'score'." in result.stderr


def test_an_existing_output_survives_a_failure(cli, models, tmp_path):
    output = tmp_path / "out.npz"
    output.write_bytes(b"old")
    np.save(tmp_path / "nan.npy", np.array([[0, 0, 0, 0], [0, np.nan, 0, 0]], np.float32))
    result = cli("run", models / "int8.tflite", "--input", tmp_path / "nan.npy", "--output", output)
    assert result.exit_code == 2
    assert "NaN" in result.stderr
    assert output.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["nan.npy", "out.npz"]


def test_profile_lists_the_steps(cli, models, features):
    result = cli("run", models / "int8.tflite", "--input", features, "--profile")
    assert result.exit_code == 0, result.stderr
    assert "FULLY_CONNECTED" in result.stdout
    assert "GMAC/s" in result.stdout
    document = json.loads(cli("run", models / "int8.tflite", "--input", features, "--profile", "--json").stdout)
    assert document["profile"][0]["runs"] == 7
    refused = cli("run", models / "float.onnx", "--input", features, "--profile")
    assert (refused.exit_code, "measures no profile" in refused.stderr) == (2, True)


def test_the_reason_for_another_engine_is_told(cli, models, features):
    result = cli("run", models / "float.tflite", "--input", features)
    assert "of the work of float.tflite is in operators at which" in result.stderr
    document = json.loads(cli("run", models / "float.tflite", "--input", features, "--json").stdout)
    assert document["engine"] == "litert"
    assert "of the work of float.tflite is in operators at which" in document["fallback_reason"]


def test_float16_outputs_are_those_of_a_session(cli, models, features, tmp_path):
    model, output = models / "float.tflite", tmp_path / "out.npz"
    result = cli("run", model, "--input", features, "--precision", "float16", "--output", output)
    assert result.exit_code == 0, result.stderr
    saved = np.load(output)["probabilities"]
    session = Session(model, precision="float16")
    expected = np.concatenate([session.run(row[None])["probabilities"] for row in np.load(features).astype(np.float32)])
    assert saved.tobytes() == expected.tobytes()
    assert (session.fallback_reason is None) == ("imitated" not in result.stderr)
