"""Recipes know their network by its layers: what earlier versions wrote is read, and what differs is named."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edgequant_converters import SourceError
from edgequant_converters._evaluate import open_model
from edgequant_converters._measure import ON_DATA, measure
from edgequant_converters.doctor import load_recipe
from edgequant_converters.doctor._apply import apply_recipe
from edgequant_converters.doctor._binding import ByLayers
from edgequant_converters.doctor._network import Network

KEPT = Path(__file__).parent / "fixtures" / "recipe-1"
FORMATS = ("tflite", "onnx")


@pytest.fixture(params=FORMATS)
def suffix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def in_version_2(suffix: str, path: Path) -> Path:
    stored = json.loads((KEPT / f"{suffix}.recipe.json").read_text())
    del stored["hub_sha256"]
    stored |= {"version": 2, **ByLayers.of(KEPT / f"hub.{suffix}").to_dict()}
    path.write_text(json.dumps(stored))
    return path


def written_anew(hub: Path, path: Path) -> Path:
    """Write the same network as other bytes, as another version of its exporter might."""
    if path.suffix == ".onnx":
        model = onnx.load(hub)
        model.producer_name, model.producer_version, model.doc_string = "another", "9", "other words"
        initializers = list(model.graph.initializer)
        for tensor in initializers:
            for node in model.graph.node:
                node.input[:] = [f"{name}_new" if name == tensor.name else name for name in node.input]
            tensor.name += "_new"
        del model.graph.initializer[:]
        model.graph.initializer.extend(reversed(initializers))
        path.write_bytes(model.SerializeToString())
    else:
        network = Network(hub.read_bytes())
        network.model.description = b"another exporter"
        for layer in network.layers:
            tensor = network.graph.tensors[network.graph.operators[layer.position].inputs[1]]
            tensor.name = b"another/" + tensor.name
        path.write_bytes(network.to_bytes())
    assert path.read_bytes() != hub.read_bytes()
    return path


def test_a_recipe_of_version_1_makes_a_model_as_good_as_it_says(suffix: str, tmp_path: Path) -> None:
    hub, recipe = KEPT / f"hub.{suffix}", load_recipe(KEPT / f"{suffix}.recipe.json")
    apply_recipe(hub, tmp_path / f"int8.{suffix}", recipe)
    samples = np.random.default_rng(1).normal(size=(64, 1, 8)).astype(np.float32)
    (name,) = (spec.name for spec in open_model(hub).inputs)
    measured = measure(hub, tmp_path / f"int8.{suffix}", ({name: sample} for sample in samples), ON_DATA)
    assert measured.sqnr_db == pytest.approx(recipe.sqnr_db, abs=3)


def test_a_recipe_of_version_1_for_other_bytes_is_a_sentence(suffix: str, tmp_path: Path) -> None:
    hub = written_anew(KEPT / f"hub.{suffix}", tmp_path / f"hub.{suffix}")
    with pytest.raises(SourceError, match=r"of version 1, which knows .* by its bytes alone.*; run `edgequant doctor`"):
        apply_recipe(hub, tmp_path / "int8", load_recipe(KEPT / f"{suffix}.recipe.json"))


def test_a_recipe_survives_an_update_of_the_exporter(suffix: str, tmp_path: Path) -> None:
    recipe = load_recipe(in_version_2(suffix, tmp_path / "recipe.json"))
    apply_recipe(written_anew(KEPT / f"hub.{suffix}", tmp_path / f"hub.{suffix}"), tmp_path / "int8", recipe)
    assert (tmp_path / "int8").stat().st_size > 1000


def weight(model: onnx.ModelProto) -> None:
    tensor = next(tensor for tensor in model.graph.initializer if tensor.dims == [16, 4])
    values = numpy_helper.to_array(tensor).copy()
    values.flat[5] = np.nextafter(values.flat[5], np.float32(9))
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def kind(model: onnx.ModelProto) -> None:
    next(node for node in model.graph.node if node.op_type == "Relu").op_type = "Tanh"


def name(model: onnx.ModelProto) -> None:
    next(node for node in model.graph.node if node.name == "first").name = "renamed"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (weight, "layer 'second' has other weights than when the recipe was made; run"),
        (kind, "layer 'relu' has another type, other settings, inputs or shapes than when the recipe was made; run"),
        (name, "layer 'first' is not in it, and 1 more differ; run"),
    ],
)
def test_the_layer_that_differs_is_named(
    change: Callable[[onnx.ModelProto], Any], sentence: str, tmp_path: Path
) -> None:
    model = onnx.load(KEPT / "hub.onnx")
    change(model)
    onnx.save(model, tmp_path / "hub.onnx")
    with pytest.raises(SourceError, match="This recipe belongs to another model") as caught:
        apply_recipe(tmp_path / "hub.onnx", tmp_path / "int8", load_recipe(in_version_2("onnx", tmp_path / "r.json")))
    assert sentence in str(caught.value)
    assert not (tmp_path / "int8").exists()


def test_a_saved_recipe_is_read_as_it_is(suffix: str, tmp_path: Path) -> None:
    for path in (KEPT / f"{suffix}.recipe.json", in_version_2(suffix, tmp_path / "2.json")):
        recipe = load_recipe(path)
        recipe.save(tmp_path / "again.json")
        assert load_recipe(tmp_path / "again.json") == recipe
