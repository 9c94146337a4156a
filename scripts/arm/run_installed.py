"""run_installed.py MODEL INPUT... OUTPUT: what run_library.c does, by the installed edgequant_runtime; needs numpy.

A Session runs the model first, which must give what the best kernels do.
"""

import sys
from pathlib import Path

import numpy as np
from edgequant_runtime import Session
from edgequant_runtime._engines._library import library
from edgequant_runtime._engines._native import NativeEngine, NativeModel
from edgequant_runtime._model_file import read_model_file

model, *inputs, output = sys.argv[1:]
session = Session(model, threads=1)
assert session.engine == "native", session.fallback_reason
shapes = [tuple(max(size, 1) for size in info.shape) for info in session.inputs]
given = zip(inputs, session.inputs, shapes, strict=True)
values = [np.fromfile(path, info.dtype).reshape(shape) for path, info, shape in given]
outputs = session.run(dict(zip([info.name for info in session.inputs], values, strict=True)), raw=True)
assert b"".join(session.run_bytes(*(value.tobytes() for value in values))) == b"".join(
    outputs[info.name].tobytes() for info in session.outputs
)
result = b""
for number in range(100):
    kernels = library().eq_kernels_name(number)
    if kernels is None:
        break
    opened = NativeModel(read_model_file(model), kernels.decode())
    for threads in (1, 3):
        engine = NativeEngine(opened, threads)
        for index, value in enumerate(values):
            engine.input_view(index)[...] = value
        engine.invoke()
        content = b"".join(engine.output(index).tobytes() for index in range(len(engine.outputs)))
        assert content == b"".join(outputs[info.name].tobytes() for info in session.outputs), kernels
        result += content
    print(kernels.decode())
Path(output).write_bytes(result)
