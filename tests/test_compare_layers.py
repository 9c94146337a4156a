"""Layer by layer: three planted faults are found in real networks, and the figures are those of the definitions."""

import json
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from edgequant_converters import UnsupportedError, convert
from edgequant_converters.graph import read_graph
from edgequant_converters.tflite import operator_name, read_model, write_model

import edgequant
from edgequant._errors import EdgequantError
from edgequant._layers import compare_layers

pytestmark = pytest.mark.torch_export

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


@pytest.fixture(scope="session")
def resnet8(shared, make_once):
    """resnet8 of MLPerf Tiny as fp32 and int8, and blocky images in 0..255."""

    def fill(folder):
        coarse = np.random.default_rng(0).uniform(0, 255, (40, 8, 8, 3))
        images = coarse.repeat(4, axis=1).repeat(4, axis=2).astype(np.float32)
        np.save(folder / "test.npy", images[32:])
        for scheme in ("fp32", "int8"):
            source = shared / "models" / "pretrainedResnet.tflite"
            convert(source, folder / f"{scheme}.tflite", quantize=scheme, calibration=images[:32])

    return make_once("resnet8", fill)


def weighted_operators(model):
    """The positions of the operators with weights whose output no pooling reads: pools want one scale on both sides."""
    graph = model.subgraphs[0]
    names = [operator_name(model, operator) for operator in graph.operators]
    pooled = {int(o.inputs[0]) for o, name in zip(graph.operators, names, strict=True) if name == "MAX_POOL_2D"}
    return [n for n, o in enumerate(graph.operators) if names[n] in WEIGHTED and int(o.outputs[0]) not in pooled]


def set_output_scale(model, operator, factor, rebuild_readers):
    """Change an activation's scale; the biases of what reads it are in units of it."""
    graph = model.subgraphs[0]
    output = operator.outputs[0]
    graph.tensors[output].quantization.scale = graph.tensors[output].quantization.scale * factor
    for reader in graph.operators:
        if rebuild_readers and operator_name(model, reader) in WEIGHTED and reader.inputs[0] == output:
            bias = graph.tensors[reader.inputs[2]]
            values = np.frombuffer(bytes(model.buffers[bias.buffer].data), np.int32)
            rescaled = np.rint(values / factor).astype(np.int32)
            model.buffers[bias.buffer].data = np.frombuffer(rescaled.tobytes(), np.uint8)
            bias.quantization.scale = bias.quantization.scale * factor


def clip_activation(model, operator):
    set_output_scale(model, operator, 0.3, rebuild_readers=True)


def clip_activation_only(model, operator):
    set_output_scale(model, operator, 0.3, rebuild_readers=False)


def wrong_activation_scale(model, operator):
    set_output_scale(model, operator, 8.0, rebuild_readers=False)


def wrong_weight_scale(model, operator):
    weights = model.subgraphs[0].tensors[operator.inputs[1]]
    weights.quantization.scale = weights.quantization.scale * 4


def swap_channels(model, operator):
    weights = model.subgraphs[0].tensors[operator.inputs[1]]
    values = np.frombuffer(bytes(model.buffers[weights.buffer].data), np.int8).reshape(weights.shape)
    axis = int(weights.quantization.quantizedDimension)
    order = np.arange(values.shape[axis])
    order[[1, 3]] = 3, 1
    model.buffers[weights.buffer].data = np.frombuffer(values.take(order, axis).tobytes(), np.uint8)
    # Each channel keeps its own weights' scale, so that the two are exchanged and nothing else.
    weights.quantization.scale = np.asarray(weights.quantization.scale)[order]


FAULTS = {
    clip_activation: "of its values are clipped",
    clip_activation_only: "of its values are clipped",
    wrong_weight_scale: "its weights are about 4 times the reference's: a scale is wrong",
    swap_channels: "the weights of its output channels 1, 3 are exchanged",
}


def broken(folder, tmp_path, number, fault):
    """Plant a fault in operator `number`; return the file and the name of the activation that it spoils."""
    model = read_model(folder / "int8.tflite")
    operator = model.subgraphs[0].operators[number]
    fault(model, operator)
    write_model(model, tmp_path / "broken.tflite")
    return tmp_path / "broken.tflite", model.subgraphs[0].tensors[operator.outputs[0]].name.decode()


def assert_all_are_found(folder, tmp_path, fault, samples):
    data = np.load(folder / "test.npy")[:samples]
    places = weighted_operators(read_model(folder / "int8.tflite"))
    assert len(places) >= 3
    for number in places:
        path, name = broken(folder, tmp_path, number, fault)
        result = compare_layers(folder / "fp32.tflite", path, data)
        assert result.culprit is not None, number
        layer = result.layers[result.culprit]
        assert layer.name == name, result.verdict
        assert layer.title in result.verdict
        assert FAULTS[fault] in result.verdict
        assert layer.cause in result.verdict


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_planted_faults_are_found_in_a_small_network(digits, tmp_path, fault):
    assert_all_are_found(digits, tmp_path, fault, samples=30)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_planted_faults_are_found_in_resnet8(resnet8, tmp_path, fault):
    assert_all_are_found(resnet8, tmp_path, fault, samples=4)


def test_a_wrong_scale_between_two_layers_is_blamed_on_the_one_that_writes(digits, tmp_path):
    # The layer that reads it has the larger error, for its biases were made for the right scale.
    path, name = broken(digits, tmp_path, 1, wrong_activation_scale)
    result = compare_layers(digits / "fp32.tflite", path, np.load(digits / "test.npy"))
    assert result.layers[result.culprit].name == name
    (reader,) = set(result.standing_out) - {result.culprit}
    assert result.layers[reader].inputs == (result.culprit,)
    assert result.layers[reader].alone_sqnr_db < result.layers[result.culprit].alone_sqnr_db
    assert "it was built for an input with the scale" in result.layers[reader].cause


def test_a_sound_model_has_no_culprit(digits, resnet8):
    for folder in (digits, resnet8):
        result = compare_layers(folder / "fp32.tflite", folder / "int8.tflite", np.load(folder / "test.npy"))
        assert result.culprit is None
        assert result.standing_out == ()
        assert result.verdict.startswith("No layer stands out: the weakest alone is layer ")
        weakest = min((x for x in result.layers if x.alone_sqnr_db < 300), key=lambda layer: layer.alone_sqnr_db)
        assert weakest.title in result.verdict


@pytest.mark.parametrize("suffix", [".tflite", ".onnx"])
@pytest.mark.parametrize("scheme", ["int8", "int16x8", "dynamic", "fp16", "weight-int8"])
def test_every_format_is_matched_whole(digits, scheme, suffix):
    data = np.load(digits / "test.npy")
    reference, model = digits / f"fp32{suffix}", digits / f"{scheme}{suffix}"
    result = compare_layers(reference, model, data)
    whole = edgequant.compare(reference, model, data)
    last = result.layers[-1]
    assert last.name == "output"
    # Once more with the engine's own fusing: it may round a value the other way.
    assert last.accumulated_sqnr_db == pytest.approx(whole.outputs[0].sqnr_db, abs=0.3)
    assert result.samples == len(data)
    # Fused activations have no counterpart, all else has.
    fused = {".tflite": 0, ".onnx": 4}[suffix] if scheme in ("int8", "int16x8") else 0
    assert len(result.unmatched) == fused
    weighted = [layer for layer in result.layers if {*layer.ops} & {*WEIGHTED, "Conv", "Gemm", "MatMulInteger"}]
    assert len(weighted) == 5
    for layer in weighted:
        assert layer.alone_sqnr_db > 25
        # MatMulInteger keeps its scales elsewhere in the graph.
        assert (layer.weights_sqnr_db is None) == ("MatMulInteger" in layer.ops)
        assert layer.gain == pytest.approx(1, abs=0.02)
    quantized = scheme in ("int8", "int16x8")
    assert [layer.dtype is not None for layer in result.layers] == [quantized] * len(result.layers)
    moved = [layer for layer in result.layers if {*layer.ops} & {"RESHAPE", "MAX_POOL_2D", "Reshape", "MaxPool"}]
    assert len(moved) >= 3
    assert {layer.alone_sqnr_db for layer in moved} == {300.0}


@pytest.mark.parametrize("io", ["uint8", "float"])
def test_inputs_and_outputs_of_other_types(digits, tmp_path, io):
    data = np.load(digits / "test.npy")
    convert(digits / "fp32.tflite", tmp_path / "io.tflite", quantize="int8", calibration=data, io=io)
    result = compare_layers(digits / "fp32.tflite", tmp_path / "io.tflite", data)
    assert result.culprit is None
    assert [layer.name for layer in result.layers][:: len(result.layers) - 1] == ["image", "output"]
    assert result.unmatched == ()
    assert result.layers[0].alone_sqnr_db > 50


def test_a_layer_kept_in_float_between_integer_ones(digits, tmp_path):
    data = np.load(digits / "test.npy")
    convert(digits / "fp32.tflite", tmp_path / "mixed.tflite", quantize="int8", calibration=data, keep_float="MAX_POOL")
    result = compare_layers(digits / "fp32.tflite", tmp_path / "mixed.tflite", data)
    assert result.unmatched == ()
    assert result.culprit is None
    assert sum(layer.ops == ("MAX_POOL_2D",) for layer in result.layers) == 2


def test_figures_of_an_input_are_those_of_the_definitions(digits):
    model = read_graph(digits / "int8.tflite")
    scale, zero_point = model.tensors[model.inputs[0]].scales[0], model.tensors[model.inputs[0]].zero_points[0]
    data = np.load(digits / "test.npy").astype(np.float64) * 1.5  # beyond what was calibrated
    layer = compare_layers(digits / "fp32.tflite", digits / "int8.tflite", data).layers[0]
    x = data.astype(np.float32).astype(np.float64)
    q = np.clip(np.rint(x / scale) + zero_point, -128, 127)
    error = x - scale * (q - zero_point)
    assert layer.alone_sqnr_db == pytest.approx(10 * np.log10((x**2).sum() / (error**2).sum()), abs=1e-3)
    assert layer.alone_mse == pytest.approx((error**2).mean(), rel=1e-3)
    assert layer.accumulated_mse == layer.alone_mse
    assert layer.clipped == pytest.approx((x > scale * (127 - zero_point) + scale / 2).mean())
    assert layer.range_used == pytest.approx((q.max() - q.min()) / 255)
    assert layer.data_range == (x.min(), x.max())
    assert layer.integer_range == pytest.approx((scale * (-128 - zero_point), scale * (127 - zero_point)))


def test_alone_is_the_layer_on_the_reference_activations(digits):
    # The first layer reads the model's input, so its accumulated error is that of its input and its own.
    result = compare_layers(digits / "fp32.tflite", digits / "int8.tflite", np.load(digits / "test.npy"))
    for layer in result.layers[1:]:
        assert layer.accumulated_mse >= 0.9 * layer.alone_mse, layer.title
    last = result.layers[-1]
    assert last.alone_sqnr_db > last.accumulated_sqnr_db
    fall = result.layers[result.steepest_fall]
    before = min(result.layers[number].accumulated_sqnr_db for number in fall.inputs)
    assert before - fall.accumulated_sqnr_db == pytest.approx(
        max(
            min(result.layers[n].accumulated_sqnr_db for n in layer.inputs) - layer.accumulated_sqnr_db
            for layer in result.layers
            if layer.inputs
        )
    )


def test_names_need_not_agree(digits, tmp_path):
    model = read_model(digits / "int8.tflite")
    for number, tensor in enumerate(model.subgraphs[0].tensors):
        tensor.name = f"t{number}".encode()
    write_model(model, tmp_path / "renamed.tflite")
    data = np.load(digits / "test.npy")[:20]
    named = compare_layers(digits / "fp32.tflite", digits / "int8.tflite", data)
    assert compare_layers(digits / "fp32.tflite", tmp_path / "renamed.tflite", data) == named


def test_names_need_not_agree_in_onnx_where_activations_were_fused(digits, tmp_path):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(digits / "int8.onnx")
    edges = {value.name for value in (*model.graph.input, *model.graph.output)}
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = [name if name in edges or not name else f"x_{hash(name) & 0xFFFFFFFF}" for name in names]
    for tensor in model.graph.initializer:
        tensor.name = f"x_{hash(tensor.name) & 0xFFFFFFFF}"
    del model.graph.value_info[:]
    onnx.save(model, tmp_path / "renamed.onnx")
    data = np.load(digits / "test.npy")[:20]
    named = compare_layers(digits / "fp32.onnx", digits / "int8.onnx", data)
    assert compare_layers(digits / "fp32.onnx", tmp_path / "renamed.onnx", data).layers == named.layers


def test_memory_does_not_grow_with_the_samples(digits):
    image = np.load(digits / "test.npy")[:1]

    def peak(samples):
        tracemalloc.start()
        compare_layers(digits / "fp32.tflite", digits / "int8.tflite", (image for _ in range(samples)))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(2)  # imports
    assert peak(300) < 1.05 * peak(10) + 50_000


def test_two_networks_that_have_nothing_in_common(digits, models):
    data = np.load(digits / "test.npy")
    with pytest.raises(EdgequantError, match="compare two models with the same inputs"):
        compare_layers(digits / "fp32.tflite", models / "float.tflite", data)
    with pytest.raises(UnsupportedError, match="have different file formats"):
        compare_layers(digits / "fp32.onnx", digits / "int8.tflite", data)


def test_json_and_table(cli, digits):
    files = (digits / "fp32.tflite", digits / "int8.tflite", "--data", digits / "test.npy", "--layers")
    document = json.loads(cli("compare", *files, "--json").stdout)
    assert document.keys() == {
        "outputs", "accuracy", "samples", "detections", "layers", "verdict", "culprit", "standing_out",
        "steepest_fall", "unmatched",
    }  # fmt: skip
    page = Path(__file__).parent.parent.joinpath("docs", "compare.md").read_text(encoding="utf-8")
    for key in [*document, *(f"layers[].{key}" for key in document["layers"][0])]:
        assert f"`{key}`" in page or f"`{key}[]." in page, key
    table = cli("compare", *files).stdout
    for layer in document["layers"]:
        assert re.search(rf"^ {layer['number']} .*{re.escape('+'.join(layer['ops']) or 'input')}", table, re.MULTILINE)
    assert document["verdict"] in table


@pytest.fixture(scope="session")
def page(digits, tmp_path_factory):
    """The page on a model with swapped channels."""
    folder = tmp_path_factory.mktemp("page")
    path, _ = broken(digits, folder, 1, swap_channels)
    compare_layers(digits / "fp32.tflite", path, np.load(digits / "test.npy"), html=folder / "layers.html")
    return folder / "layers.html"


def test_the_page_needs_nothing_else(page):
    text = page.read_text(encoding="utf-8")
    addresses = set(re.findall(r"(?:https?:)?//[\w.]+[^\s\"'<]*", re.sub(r"base64,[\w+/=\s]+", "", text)))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}, "names of XML, not requests"
    assert not re.search(r"<(script|iframe|object|embed|link rel=.stylesheet)", text)
    assert all(target.startswith(("data:", "#")) for target in re.findall(r"(?:src|href)=\"([^\"]*)\"", text))


def test_the_page_shows_what_was_found(page):
    text = page.read_text(encoding="utf-8")
    assert "the weights of its output channels 1, 3 are exchanged" in text
    assert text.count("<figure") == 1 + 4 * 5, "the network; two histograms and three heatmaps of four layers"
    assert text.count('role="img" aria-label="') == text.count("<svg")
    for heading in ("SQNR along the network", "The weakest layers", "All layers"):
        assert f"<h2>{heading}</h2>" in text
    assert len(re.findall(r"<tr[ >]", text)) == 1 + 10
    for colour in re.findall(r"(?<=[:\s])#[0-9a-f]{6}(?=[;\"])", text[text.index("<main>") :]):
        assert colour not in ("#fffff1", "#010101", "#d0d4d1", "#2a6fb1", "#c85721", "#b31321"), "not made a variable"


def test_the_page_is_the_same_each_time(digits, page, tmp_path):
    broken_model = page.with_name("broken.tflite")
    data = np.load(digits / "test.npy")
    edgequant.compare_layers(digits / "fp32.tflite", broken_model, data, html=tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == page.read_bytes()


@pytest.mark.parametrize("width", [500, 1280])
def test_the_page_opens_in_chromium_without_errors_or_requests(page, open_in_chromium, width):
    assert open_in_chromium(page, width) == ([], [])


def test_chromium_would_tell_of_errors_and_requests(tmp_path, open_in_chromium):
    page = tmp_path / "bad.html"
    page.write_text('<!doctype html><img src="http://127.0.0.1:9/x.png"><script>console.error("bad")</script>')
    console, requests = open_in_chromium(page, 500)
    assert any("bad" in line for line in console)
    assert requests == ["http://127.0.0.1:9/x.png"]


@pytest.fixture
def logarithm(tmp_path):
    """Build x -> exp(log(relu(x))) @ (factor times the identity); its logarithms of zero are no error."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    def build(name, factor):
        nodes = [
            helper.make_node(kind, inputs, [output])
            for kind, inputs, output in (
                ("Relu", ["x"], "positive"), ("Log", ["positive"], "log"), ("Exp", ["log"], "same"),
                ("MatMul", ["same", "matrix"], "y"),
            )
        ]  # fmt: skip
        edges = [helper.make_tensor_value_info(edge, TensorProto.FLOAT, ["N", 4]) for edge in "xy"]
        matrix = numpy_helper.from_array(np.where(np.eye(4) > 0, factor, 0).astype(np.float32), "matrix")
        graph = helper.make_graph(nodes, "logarithm", edges[:1], edges[1:], [matrix])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        onnx.save(model, tmp_path / name)
        return tmp_path / name

    return build


def test_infinities_of_the_reference_are_no_error(logarithm, tmp_path):
    data = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    reference = logarithm("float.onnx", 1.0)
    convert(reference, tmp_path / "int8.onnx", quantize="int8", calibration=np.abs(data))
    result = compare_layers(reference, tmp_path / "int8.onnx", data, html=tmp_path / "page.html")
    assert all(layer.alone_sqnr_db > 20 for layer in result.layers)
    assert (tmp_path / "page.html").exists()


def test_a_layer_that_overflows_is_to_blame(logarithm, tmp_path):
    data = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    reference, model = logarithm("float.onnx", 1.0), logarithm("infinite.onnx", np.inf)
    result = compare_layers(reference, model, data, html=tmp_path / "page.html")
    assert result.layers[result.culprit].name == "y"
    assert result.layers[result.culprit].alone_sqnr_db is None
    assert "alone it is not finite, because it computes NaN or infinity" in result.verdict


def test_a_model_against_itself_is_exact_everywhere(digits):
    for name in ("fp32.tflite", "int8.tflite", "int8.onnx"):
        result = compare_layers(digits / name, digits / name, np.load(digits / "test.npy")[:5])
        assert result.verdict == "No layer has an error of its own: the models agree everywhere."
        assert {layer.accumulated_sqnr_db for layer in result.layers} == {300.0}


def test_a_page_that_cannot_be_written(cli, digits, tmp_path):
    result = cli(
        "compare", digits / "fp32.tflite", digits / "int8.tflite", "--data", digits / "test.npy",
        "--html", tmp_path / "nowhere" / "page.html",
    )  # fmt: skip
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
