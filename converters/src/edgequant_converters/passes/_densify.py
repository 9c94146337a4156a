"""Sparse weights in full."""

import tempfile
from pathlib import Path

from edgequant_runtime.isolation import current_process

from edgequant_converters.ir import Graph, Model, write_ir


def densify(graph: Graph) -> None:
    """Let the native engine unpack what DENSIFY operators unpack from constants, in place."""
    sparse = [step for step in graph.operators if step.code == "DENSIFY" and step.given[0].is_constant]
    if not sparse:
        return
    names = [f"output_{index}" for index in range(len(sparse))]
    unpacking = Model([Graph(outputs=[step.output for step in sparse], operators=sparse)], [], names)
    with tempfile.TemporaryDirectory(prefix="edgequant-") as folder:
        path = Path(folder, "weights.tflite")
        path.write_bytes(write_ir(unpacking))
        values = current_process().open(path, engine="native", threads=1).run({}, raw=True)
    for step, name in zip(sparse, names, strict=True):
        step.output.data = values[name]
    graph.operators = [step for step in graph.operators if step not in sparse]
