"""What only LiteRT does: signatures, lent memory that moves, and refusing damaged files."""

from __future__ import annotations

import numpy as np
import pytest

from edgequant_runtime import EngineError, ModelError, Session, SessionError

pytestmark = pytest.mark.usefixtures("litert")


def test_one_signature_names_the_inputs_and_several_do_not(models):
    assert Session(models / "float.tflite", engine="litert").inputs[0].name == "features"
    assert Session(models / "two_signatures.tflite", engine="litert").inputs[0].name == "classify_features:0"


@pytest.mark.parametrize("engine", ["native", "litert"])
def test_a_session_says_which_signature_it_runs(models, engine):
    session = Session(models / "two_signatures.tflite", engine=engine)
    assert (session.signature, session.signatures) == ("classify", ("classify", "score"))
    assert session.clone().signature == "classify"
    one = Session((models / "float.tflite").read_bytes(), engine=engine)
    assert (one.signature, one.signatures) == ("serving_default", ("serving_default",))


def test_other_shapes_are_refused_while_views_are_held(models):
    session = Session(models / "float.tflite", engine="litert")
    part = session.input_view("features")[0]
    with pytest.raises(SessionError, match="Views of this session are in use"):
        session.run(np.ones((3, 4)))
    assert session.run(np.ones((1, 4)))["probabilities"].shape == (1, 3)
    del part
    assert session.run(np.ones((3, 4)))["probabilities"].shape == (3, 3)
    assert session.input_view("features").shape == (3, 4)


def test_a_refused_shape_leaves_the_session_usable(models, monkeypatch):
    session = Session(models / "float.tflite", engine="litert")
    expected = session.run(np.ones((1, 4)))["probabilities"]
    allocate = session._engine._interpreter.allocate_tensors
    attempts = []

    def refuse_first():
        attempts.append(1)
        if len(attempts) == 1:
            raise RuntimeError("failed to prepare.\nNode 3")
        allocate()

    monkeypatch.setattr(session._engine._interpreter, "allocate_tensors", refuse_first)
    with pytest.raises(EngineError, match=r"cannot run inputs of the shape \(3, 4\): failed to prepare\."):
        session.run(np.ones((3, 4)))
    np.testing.assert_array_equal(session.run(np.ones((1, 4)))["probabilities"], expected)


def test_a_cut_off_model_is_refused_at_any_length(models):
    whole = (models / "int8.tflite").read_bytes()
    for length in range(0, len(whole), 7):
        with pytest.raises(ModelError):
            Session(whole[:length], engine="litert")


def test_a_cut_off_file_of_a_real_network(shared, tmp_path):
    whole = (shared / "models" / "pretrainedResnet_quant.tflite").read_bytes()
    path = tmp_path / "cut.tflite"
    for length in (8, 1000, 50_000, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ModelError, match=r"No engine can open cut\.tflite"):
            Session(path, engine="litert")


def test_a_name_that_is_no_text(models):
    damaged = (
        (models / "float.tflite").read_bytes().replace(b"serving_default_features", b"serving_default_feat\xffres")
    )
    with pytest.raises(ModelError, match="LiteRT cannot open"):
        Session(damaged, engine="litert")


def test_prints_nothing(models, capfd):
    Session(models / "int8.tflite", engine="litert").run(np.zeros((2, 4)))
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


def test_version(litert):
    assert litert.startswith(("ai-edge-litert ", "tflite-runtime "))


@pytest.mark.parametrize(
    ("name", "scale", "zero_point", "shape"),
    [
        ("pretrainedResnet_quant.tflite", 1.0, -128, (-1, 32, 32, 3)),
        ("ad01_int8.tflite", 0.3910152316093445, 89, (-1, 640)),
        ("kws_ref_model.tflite", 0.5847029089927673, 83, (-1, 49, 10, 1)),
    ],
)
def test_real_networks_give_what_litert_itself_gives(shared, name, scale, zero_point, shape):
    interpreter_class = pytest.importorskip("ai_edge_litert.interpreter").Interpreter
    path = shared / "models" / name
    session = Session(path, threads=1, engine="litert")
    (info,) = session.inputs
    assert (info.scale, info.zero_point, info.shape, info.dtype) == (scale, zero_point, shape, np.int8)
    integers = np.random.default_rng(0).integers(-128, 128, [abs(n) for n in shape]).astype(np.int8)
    interpreter = interpreter_class(str(path), num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], integers)
    interpreter.invoke()
    output = interpreter.get_output_details()[0]
    expected = interpreter.get_tensor(output["index"])
    np.testing.assert_array_equal(session.run(integers, raw=True)[session.outputs[0].name], expected)
    real = scale * (integers.astype(np.float64) - zero_point)
    output_scale, output_zero_point = output["quantization"]
    np.testing.assert_allclose(
        session.run(real)[session.outputs[0].name],
        output_scale * (expected.astype(np.float64) - output_zero_point),
        rtol=1e-6,
    )
