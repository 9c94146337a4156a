"""A loaded TensorFlow network to a float32 .tflite."""

import re
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from edgequant_converters._cudnn import RECURRENT
from edgequant_converters._errors import SourceError, UnsupportedError

from ._messages import first_line
from ._network import Network


def write_litert(network: Network, path: Path) -> None:
    """Write a float32 .tflite whose inputs and outputs are in the network's order (it has no signature).

    The variables are frozen first, and control flow is kept, since the converter turns loops into WHILE. A network that
    keeps a state from call to call keeps its variables: those that are assigned are the file's too. Recurrent layers
    are custom operators, CudnnRNN, in the file. Raises UnsupportedError for other operators that LiteRT lacks.
    """
    traced = network.traced_for("litert").get_concrete_function()
    if network.keeps_state:
        owner = tf.Module()  # the converter asks for one, and does not know Keras 3's own
        owner.owned = list(traced.variables)
        converter = tf.lite.TFLiteConverter.from_concrete_functions([traced], owner)
        converter.experimental_enable_resource_variables = True
    else:
        frozen = convert_variables_to_constants_v2(traced, lower_control_flow=False)
        converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    converter.allow_custom_ops = any(operator.type == RECURRENT for operator in traced.graph.get_operations())
    try:
        data = converter.convert()
        if converter.allow_custom_ops and not _custom_operators(data) <= {RECURRENT}:
            converter.allow_custom_ops = False
            converter.convert()  # which says what the others are
    except Exception as error:  # its ConverterError is private, and so are the others
        raise _explained(error, network.description) from error
    path.write_bytes(data)


def _custom_operators(data: bytes) -> set[str]:
    model = schema.Model.GetRootAs(data, 0)
    names = [model.OperatorCodes(index).CustomCode() for index in range(model.OperatorCodesLength())]
    return {name.decode() for name in names if name}


def _explained(error: Exception, description: str) -> Exception:
    said = {*re.findall(r"\btf\.(\w+)\(", str(error)), *re.findall(r"'tf\.(\w+)' op", str(error))}
    lacking: list[Any] = sorted(said - {RECURRENT})
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
