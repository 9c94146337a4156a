"""start_engine.py ENGINE STAGE MODEL TYPE SIZE...: starts an engine up to a stage, for bench_arm_startup.

Stages: 0 Python alone, 1 numpy, 2 the engine's import, 3 the model opened, 4 its first result. The input is zeros.
"""

import math
import sys

engine, model, dtype = sys.argv[1], sys.argv[3], sys.argv[4]
stage, shape = int(sys.argv[2]), [int(size) for size in sys.argv[5:]]

if stage > 0:
    if engine == "native-bytes":
        x = bytes(math.prod(shape) * {"int8": 1, "uint8": 1, "float32": 4}[dtype])
    else:
        import numpy as np

        x = np.zeros(shape, dtype)
if engine.startswith("native"):
    if stage > 1:
        from edgequant_runtime import Session
    if stage > 2:
        session = Session(model, engine="native", threads=1)
    if stage > 3:
        result = session.run_bytes(x) if engine == "native-bytes" else session.run(x, raw=True)
elif engine == "litert":
    if stage > 1:
        from ai_edge_litert.interpreter import Interpreter
    if stage > 2:
        interpreter = Interpreter(model, num_threads=1)
        interpreter.allocate_tensors()
    if stage > 3:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
        interpreter.invoke()
        result = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
else:
    if stage > 1:
        import onnxruntime
    if stage > 2:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    if stage > 3:
        result = session.run(None, {session.get_inputs()[0].name: x})
