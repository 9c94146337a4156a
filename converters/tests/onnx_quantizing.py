"""ONNX Runtime's own quantizer, which makes the quantized files that the tests start from."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

FORMS: dict[str, dict[str, Any]] = {
    "QDQ, int8": {"quant_format": QuantFormat.QDQ, "activation_type": QuantType.QInt8, "per_channel": True},
    "QDQ, uint8": {"quant_format": QuantFormat.QDQ, "activation_type": QuantType.QUInt8, "per_channel": False},
    "operators on integers": {"quant_format": QuantFormat.QOperator, "activation_type": QuantType.QUInt8},
}


def quantized_by_onnxruntime(path: Path, quantized: Path, samples: np.ndarray, form: str) -> None:
    """Write a float model of one input in integers."""
    reader = _Samples(onnx.load(path).graph.input[0].name, samples)
    quantize_static(path, quantized, reader, weight_type=QuantType.QInt8, **FORMS[form])


class _Samples(CalibrationDataReader):  # type: ignore[misc]  # it ships no type information
    def __init__(self, name: str, samples: np.ndarray) -> None:
        self._left = [{name: x} for x in samples]

    def get_next(self) -> Any:
        return self._left.pop() if self._left else None
