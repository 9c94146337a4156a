"""run_engine.py ENGINE MODEL REPETITIONS [SIZE...]: runs inferences between two marks, for bench_arm; needs its root.

ENGINE is native, litert, onnxruntime, ncnn or mnn. Native, ncnn and mnn are there with -fp16 too. In native-run and
litert-run inputs are given and outputs taken each time, as arrays; native-bytes takes and gives bytes. SIZE... are the
sizes of the input of ncnn and mnn.
Inputs are seeded. Before the first mark the engine has run twice, so that nothing is counted that happens once.
Exit code 3: the engine does not know the model's layers.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

REFUSED = 3


def native(model: str, _shape: list[int], half: bool = False, call: str = "") -> Callable[[], Any]:
    """Prepare our engine; with `half` layers compute in float16 where the CPU does. `call` is run or bytes."""
    from edgequant_runtime import Session

    session = Session(model, engine="native", threads=1, precision="float16" if half else "float32")
    if session.imitates_float16:
        sys.exit(REFUSED)
    for info in session.inputs:
        view = session.input_view(info.name)
        view[...] = values(view.shape, view.dtype)
    if not call:
        return session.invoke
    array = session.input_view(session.inputs[0].name).copy()
    data = array.tobytes()
    return (lambda: session.run_bytes(data)) if call == "bytes" else (lambda: session.run(array, raw=True))


def litert(model: str, _shape: list[int], call: str = "") -> Callable[[], Any]:
    """Prepare LiteRT, with XNNPACK as it is by default. `call` is run, of the only input."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model, num_threads=1)
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], values(detail["shape"], np.dtype(detail["dtype"])))
    if not call:
        return interpreter.invoke
    given, taken = interpreter.get_input_details()[0]["index"], [o["index"] for o in interpreter.get_output_details()]
    array = interpreter.get_tensor(given)

    def run() -> list[Any]:
        interpreter.set_tensor(given, array)
        interpreter.invoke()
        return [interpreter.get_tensor(index) for index in taken]

    return run


def onnxruntime(model: str, _shape: list[int]) -> Callable[[], Any]:
    """Prepare ONNX Runtime, with inputs and outputs bound to memory of its own."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    types = {"tensor(float)": "float32", "tensor(int8)": "int8", "tensor(uint8)": "uint8", "tensor(int64)": "int64"}
    binding = session.io_binding()
    for info in session.get_inputs():
        shape = [size if isinstance(size, int) else 1 for size in info.shape]
        binding.bind_cpu_input(info.name, values(shape, np.dtype(types[info.type])))
    for info in session.get_outputs():
        binding.bind_output(info.name)
    return lambda: session.run_with_iobinding(binding)


def ncnn(model: str, shape: list[int], half: bool = False) -> Callable[[], Any]:
    """Prepare ncnn, which takes one image at a time; without `half` all in float32, or else as is its default."""
    import ncnn as peer

    net = peer.Net()
    net.opt.num_threads = 1
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = half
    if net.load_param(f"{model}.param"):
        sys.exit(REFUSED)
    net.load_model(f"{model}.bin")
    given = peer.Mat(values(shape[1:], np.dtype("float32"))).clone()  # else it is the array's memory
    names = net.output_names()

    def run() -> None:
        extractor = net.create_extractor()
        extractor.input(net.input_names()[0], given)
        for name in names:
            status, _ = extractor.extract(name)
            assert status == 0

    return run


def mnn(model: str, shape: list[int], half: bool = False) -> Callable[[], Any]:
    """Prepare MNN."""
    import MNN

    interpreter = MNN.Interpreter(model)
    session = interpreter.createSession({"numThread": 1, "precision": "low" if half else "high"})
    tensor = interpreter.getSessionInput(session)
    given = values(shape, np.dtype("float32"))
    tensor.copyFrom(MNN.Tensor(tuple(shape), MNN.Halide_Type_Float, given, MNN.Tensor_DimensionType_Caffe))
    return lambda: interpreter.runSession(session)


def values(shape: Any, dtype: np.dtype[Any]) -> Any:
    """Return seeded values of a type: floats from 0 to 1, integers over the range of int8 or below 4."""
    rng, sizes = np.random.default_rng(0), [max(int(size), 1) for size in shape]
    if dtype.kind == "f":
        return rng.random(sizes, dtype=np.float32).astype(dtype)
    if dtype.itemsize == 1:
        return rng.integers(0, 256, sizes).astype(np.uint8).view(dtype)
    return rng.integers(0, 4, sizes).astype(dtype)


def mark(which: int) -> None:
    """Tell the plugin that counts: 1 begins, 2 ends."""
    with contextlib.suppress(OSError):
        os.getpriority(77, which)


def main() -> None:
    """Warm up, then run between the marks, with nothing of Python's own in between."""
    engine, model, repetitions = sys.argv[1], sys.argv[2], int(sys.argv[3])
    name, _, variant = engine.partition("-")
    prepare = {"native": native, "litert": litert, "onnxruntime": onnxruntime, "ncnn": ncnn, "mnn": mnn}[name]
    options: dict[str, Any] = {"half": True} if variant == "fp16" else {"call": variant} if variant else {}
    run = prepare(model, [int(size) for size in sys.argv[4:]], **options)
    run()
    run()
    gc.collect()
    gc.disable()
    mark(1)
    for _ in range(repetitions):
        run()
    mark(2)


main()
