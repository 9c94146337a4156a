"""litert_invoke.py MODEL.tflite REPETITIONS: LiteRT (XNNPACK, one thread) runs MODEL; needs emulated_root.py."""

import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter

interpreter = Interpreter(sys.argv[1], num_threads=1)
interpreter.allocate_tensors()
rng = np.random.default_rng(0)
for detail in interpreter.get_input_details():
    shape, dtype = detail["shape"], detail["dtype"]
    value = rng.random(shape, dtype=np.float32) if dtype == np.float32 else rng.integers(-128, 128, shape)
    interpreter.set_tensor(detail["index"], value.astype(dtype))
for _ in range(int(sys.argv[2])):
    interpreter.invoke()
