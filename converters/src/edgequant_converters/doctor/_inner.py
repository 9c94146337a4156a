"""Look at tensors inside a quantized .tflite while it runs, as real values."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from edgequant_runtime import TensorInfo
from numpy.typing import NDArray

from edgequant_converters._evaluate import to_own_type, to_real
from edgequant_converters._quiet import quiet
from edgequant_converters._request import Sample
from edgequant_converters.tflite import read_model


class InnerTensors:
    """Runs a quantized model, and LiteRT keeps every tensor. Samples hold real values by the hub's input names."""

    def __init__(self, data: bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter

        with quiet():
            self._interpreter = Interpreter(model_content=data, num_threads=1, experimental_preserve_all_tensors=True)
            self._interpreter.allocate_tensors()
            self._signature = self._interpreter.get_signature_runner()
        self._inputs = {name: _info(d) for name, d in self._signature.get_input_details().items()}
        details = {int(detail["index"]): detail for detail in self._interpreter.get_tensor_details()}
        names = [tensor.name.decode() for tensor in read_model(data).subgraphs[0].tensors]
        self._places = {name: (index, details[index]) for index, name in enumerate(names) if index in details}

    def run(self, sample: Sample, names: Iterable[str]) -> dict[str, NDArray[Any]]:
        """Run one sample; return the named tensors. Raises KeyError if the quantizer renamed one."""
        self._signature(**{name: to_own_type(sample[name], spec) for name, spec in self._inputs.items()})
        places = {name: self._places[name] for name in names}
        return {n: to_real(self._interpreter.get_tensor(i), _info(d)) for n, (i, d) in places.items()}


def _info(detail: Mapping[str, Any]) -> TensorInfo:
    scale, zero_point = detail["quantization"]
    plain = TensorInfo(detail["name"], (), np.dtype(detail["dtype"]))
    return plain._replace(scale=float(scale), zero_point=int(zero_point)) if scale else plain
