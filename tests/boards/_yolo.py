"""A detector as a YOLO's ONNX export has it, whose answers are known: it sees red squares and blue ones."""

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from PIL import Image

SIDE, STRIDE = 320, 8
CELLS = SIDE // STRIDE
BOXES = CELLS * CELLS
RED, BLUE, GREY = (230, 90, 40), (40, 90, 230), (110, 110, 110)


def export(path: Path) -> None:
    """Write (1, 3, 320, 320) to (1, 4 + 2, 1600): a cell that is red is a cat, a blue one a dog, 24 pixels wide."""
    patches = np.zeros((2, 3, STRIDE, STRIDE), np.float32)
    patches[0, 0], patches[0, 2] = 1 / 64, -1 / 64  # red less blue
    patches[1] = -patches[0]
    head = np.zeros((6, 2, 1, 1), np.float32)
    head[4, 0] = head[5, 1] = 20
    rows, columns = np.mgrid[0:CELLS, 0:CELLS] * STRIDE
    least = np.stack([columns.ravel(), rows.ravel(), np.full(BOXES, 12), np.full(BOXES, 12)])[None]
    values = {
        "patches": patches, "head": head, "bias": np.array([0, 0, 0, 0, -6, -6], np.float32),
        "flat": np.array([1, 6, BOXES]), "first": np.array([0]), "four": np.array([4]), "six": np.array([6]),
        "axis": np.array([1]), "reach": np.array([8, 8, 24, 24], np.float32).reshape(1, 4, 1),
        "least": least.astype(np.float32),
    }  # fmt: skip
    nodes = [
        helper.make_node("Conv", ["images", "patches"], ["colours"], strides=[STRIDE, STRIDE]),
        helper.make_node("Relu", ["colours"], ["seen"]),
        helper.make_node("Conv", ["seen", "head", "bias"], ["cells"]),
        helper.make_node("Reshape", ["cells", "flat"], ["rows"]),
        helper.make_node("Slice", ["rows", "first", "four", "axis"], ["raw_boxes"]),
        helper.make_node("Sigmoid", ["raw_boxes"], ["shares"]),
        helper.make_node("Mul", ["shares", "reach"], ["offsets"]),
        helper.make_node("Add", ["offsets", "least"], ["boxes"]),
        helper.make_node("Slice", ["rows", "four", "six", "axis"], ["raw_scores"]),
        helper.make_node("Sigmoid", ["raw_scores"], ["scores"]),
        helper.make_node("Concat", ["boxes", "scores"], ["output0"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "detector",
        [helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("output0", onnx.TensorProto.FLOAT, [1, 6, BOXES])],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def picture(
    colour: tuple[int, int, int], left: int, top: int, width: int = 640, height: int = 480
) -> NDArray[np.uint8]:
    """Return a grey picture with a square of 48 pixels."""
    pixels = np.full((height, width, 3), GREY, np.uint8)
    pixels[top : top + 48, left : left + 48] = colour
    return pixels


def desk(folder: Path) -> None:
    """Write what the tutorial takes for granted."""
    export(folder / "best.onnx")
    (folder / "labels.txt").write_text("cat\ndog\n")
    (folder / "photos").mkdir()
    places = np.random.default_rng(0).integers(0, 400, (12, 2))
    for number, (left, top) in enumerate(places):
        Image.fromarray(picture((RED, BLUE)[number % 2], int(left), int(top))).save(folder / "photos" / f"{number}.png")
    Image.fromarray(picture(RED, 160, 240)).save(folder / "photo.jpg", quality=95)
