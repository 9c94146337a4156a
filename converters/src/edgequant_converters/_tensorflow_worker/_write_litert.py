"""A loaded TensorFlow network to a float32 .tflite."""

import re
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from edgequant_converters._errors import SourceError, UnsupportedError

from ._messages import first_line
from ._network import Network


def write_litert(network: Network, path: Path) -> None:
    """Write a float32 .tflite whose inputs and outputs are in the network's order (it has no signature).

    The variables are frozen first: TensorFlow's converter does not find those of Keras 3 and would write a model that
    gives NaN. Control flow is kept for it, since it turns loops into WHILE. Raises UnsupportedError for operators that
    LiteRT lacks.
    """
    frozen = convert_variables_to_constants_v2(network.traced.get_concrete_function(), lower_control_flow=False)
    try:
        data = tf.lite.TFLiteConverter.from_concrete_functions([frozen]).convert()
    except Exception as error:  # its ConverterError is private, and so are the others
        raise _explained(error, network.description) from error
    path.write_bytes(data)


def _explained(error: Exception, description: str) -> Exception:
    lacking: list[Any] = sorted({*re.findall(r"\btf\.(\w+)\(", str(error)), *re.findall(r"'tf\.(\w+)' op", str(error))})
    if any(name.startswith("TensorList") for name in lacking):
        return UnsupportedError(
            f"{description} loops over time in a way that LiteRT lacks: convert the network's .keras or .h5 file, "
            "whose recurrent layers can be unrolled, or convert to .onnx."
        )
    if lacking:
        return UnsupportedError(
            f"{description} uses TensorFlow operators that LiteRT lacks ({', '.join(lacking)}): replace them in the "
            "network, or convert to .onnx."
        )
    return SourceError(f"{description} cannot be converted by TensorFlow: {first_line(error)}")
