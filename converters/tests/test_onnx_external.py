"""Weights of an .onnx file that lie in files beside it: from where they are read, and from where not."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgequant_converters import SourceError
from edgequant_converters._evaluate import open_model
from edgequant_converters.graph import read_graph
from edgequant_converters.sources import from_onnx

WEIGHTS = np.arange(64 * 64, dtype=np.float32).reshape(64, 64)


def save(folder: Path, location: str = "model.onnx_data", *, inside: str = "initializer") -> Path:
    """Write folder/model.onnx, which multiplies by WEIGHTS, kept in `location`; the default is written too."""
    folder.mkdir(parents=True, exist_ok=True)
    tensor = numpy_helper.from_array(WEIGHTS, "w")
    content = tensor.raw_data
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", str(len(content)))):
        tensor.external_data.add(key=key, value=value)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    if inside == "attribute":
        nodes.insert(0, helper.make_node("Constant", [], ["w"], value=tensor))
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 64]) for name in "xy"]
    graph = helper.make_graph(nodes, "g", values[:1], values[1:], [tensor] if inside == "initializer" else [])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    if location == "model.onnx_data":
        (folder / location).write_bytes(content)
    return folder / "model.onnx"


def moved_away(path: Path, target: Path) -> None:
    """Leave a relative link where a file was."""
    target.parent.mkdir(parents=True, exist_ok=True)
    path.rename(target)
    path.symlink_to(os.path.relpath(target, path.parent))


def hugging_face(tmp_path: Path) -> Path:
    snapshot = tmp_path / "models--who--what" / "snapshots" / "0123abcd" / "onnx"
    path = save(snapshot)
    moved_away(snapshot / "model.onnx_data", tmp_path / "models--who--what" / "blobs" / "d7")
    moved_away(path, tmp_path / "models--who--what" / "blobs" / "a1")
    return path


def data_alone_in_blobs(tmp_path: Path) -> Path:
    path = save(tmp_path / "models--who--what" / "snapshots" / "0123abcd")
    moved_away(path.parent / "model.onnx_data", tmp_path / "models--who--what" / "blobs" / "d7")
    return path


def link_within_the_folder(tmp_path: Path) -> Path:
    path = save(tmp_path / "net")
    moved_away(path.parent / "model.onnx_data", path.parent / "data" / "weights.bin")
    return path


def hard_link(tmp_path: Path) -> Path:
    path = save(tmp_path / "net")
    (path.parent / "model.onnx_data").rename(tmp_path / "elsewhere")
    (path.parent / "model.onnx_data").hardlink_to(tmp_path / "elsewhere")
    return path


@pytest.mark.parametrize("layout", [hugging_face, data_alone_in_blobs, link_within_the_folder, hard_link])
def test_layouts_that_are_read(layout: Callable[[Path], Path], tmp_path: Path) -> None:
    path = layout(tmp_path)
    assert read_graph(path).file_bytes == path.stat().st_size + WEIGHTS.nbytes
    if layout is data_alone_in_blobs:  # ONNX Runtime itself, the reference, refuses what is half in the cache
        return
    from_onnx(path).write_onnx(tmp_path / "out.onnx")
    x = np.ones((1, 64), np.float32)
    assert np.array_equal(open_model(tmp_path / "out.onnx").run({"x": x})[0], x @ WEIGHTS)


@pytest.mark.parametrize("inside", ["initializer", "attribute"])
@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("../secret.bin", "'../secret.bin', which names no file of its own folder: save it again"),
        ("a/../../secret.bin", "names no file of its own folder"),
        ("..\\secret.bin", "names no file of its own folder"),
        ("/dev/zero", "'/dev/zero', which names no file"),
        ("C:/secret.bin", "names no file"),
        ("", "names no file"),
        ("a\0b", "names no file"),
        ("n" * 300, "names no file"),
        ("data/missing.bin", "data/missing.bin, which is missing: put it beside the model"),
        ("data/link.bin", "data/link.bin, a link to .*secret.bin, outside of the model's folder: put the file itself"),
        ("data/zeros", "a link to /dev/zero, outside"),
        ("data", "data, which is missing"),
    ],
)
def test_places_that_are_not_read(location: str, told: str, inside: str, tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(WEIGHTS.tobytes())
    (tmp_path / "net" / "data").mkdir(parents=True)
    (tmp_path / "net" / "data" / "link.bin").symlink_to(tmp_path / "secret.bin")
    (tmp_path / "net" / "data" / "zeros").symlink_to("/dev/zero")
    path = save(tmp_path / "net", location, inside=inside)
    with pytest.raises(SourceError, match=f"model.onnx keeps its weights in {told}" if told[0] in "'d" else told):
        from_onnx(path)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("offset", "4", "is not in model.onnx_data as the model says"),
        ("length", "8", "is not in model.onnx_data as the model says"),
        ("offset", "-4", "says nowhere where"),
        ("length", "many", "says nowhere where"),
    ],
)
def test_data_that_is_not_where_the_model_says(key: str, value: str, told: str, tmp_path: Path) -> None:
    path = save(tmp_path)
    model = onnx.load(path, load_external_data=False)
    for entry in model.graph.initializer[0].external_data:
        entry.value = value if entry.key == key else entry.value
    path.write_bytes(model.SerializeToString())
    with pytest.raises(SourceError, match=told):
        from_onnx(path)


def test_one_file_is_not_read_a_thousand_times(tmp_path: Path) -> None:
    path = save(tmp_path)
    model = onnx.load(path, load_external_data=False)
    shared = model.graph.initializer[0]
    with (tmp_path / "model.onnx_data").open("ab") as data:
        data.truncate(1 << 29)  # a hole: it takes no space
    for number in range(5):
        copy = model.graph.initializer.add()
        copy.CopyFrom(shared)
        copy.name, copy.dims[0] = f"w{number}", (1 << 29) // 256
        copy.external_data[2].value = str(1 << 29)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(SourceError, match="more than 2 GB of weights"):
        from_onnx(path)
