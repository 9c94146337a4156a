"""Look at tensors inside a quantized .tflite while it runs, as real values."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from edgequant_runtime import TensorInfo
from numpy.typing import NDArray

from edgequant_converters._evaluate import open_inner, to_own_type, to_real
from edgequant_converters._request import Sample
from edgequant_converters.tflite import read_model


class InnerTensors:
    """Runs a quantized model, and LiteRT keeps every tensor. Samples hold real values by the hub's input names."""

    def __init__(self, data: bytes) -> None:
        self._model = open_inner(data, "the int8 model", threads=1)
        tensors = read_model(data).subgraphs[0].tensors
        self._places = {tensor.name.decode(): (index, tensor) for index, tensor in enumerate(tensors)}

    def run(self, sample: Sample, names: Iterable[str]) -> dict[str, NDArray[Any]]:
        """Run one sample; return the named tensors. Raises KeyError if the quantizer renamed one, and SourceError."""
        places = {name: self._places[name] for name in names}
        inputs = {info.name: to_own_type(sample[info.name], info) for info in self._model.inputs}
        values = self._model.run(inputs, [index for index, _ in places.values()])
        pairs = zip(places.items(), values, strict=True)
        return {name: to_real(value, _info(name, tensor, value.dtype)) for (name, (_, tensor)), value in pairs}


def _info(name: str, tensor: Any, dtype: np.dtype[Any]) -> TensorInfo:
    plain, quantization = TensorInfo(name, (), dtype), tensor.quantization
    if quantization is None or quantization.scale is None or len(quantization.scale) != 1:
        return plain
    return plain._replace(scale=float(quantization.scale[0]), zero_point=int(quantization.zeroPoint[0]))
