"""What others make of a network and its samples: ai-edge-quantizer, TensorFlow's converter, ONNX Runtime."""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from edgequant_converters._quiet import quiet
from edgequant_converters._request import Ranges
from edgequant_converters._schemes import Scheme
from edgequant_converters.calibration import range_collector
from edgequant_converters.quantizer import watch_litert
from edgequant_converters.tflite import read_model
from edgequant_runtime.isolation import engine_process
from numpy.typing import NDArray

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "KERAS_BACKEND": "tensorflow"}
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
for chatty in ("absl", "tensorflow"):
    logging.getLogger(chatty).setLevel(logging.ERROR)

Samples = Sequence[Mapping[str, NDArray[Any]]]


def ranges_of(hub: Path, samples: Samples) -> Ranges:
    """Return the smallest and largest value of every activation of a float .tflite."""
    collector = range_collector("minmax")
    with engine_process():
        watch = watch_litert(read_model(hub))
        for sample in samples:
            for name, value in watch.run(sample):
                collector.update(name, value)
    return collector.ranges()


def ai_edge_quantizer(hub: Path, output: Path, *, scheme: Scheme, ranges: Ranges) -> None:
    """Write a model by ai-edge-quantizer's min-max algorithm."""
    from ai_edge_quantizer.quantizer import Quantizer

    class WithoutEngine(Quantizer):  # type: ignore[misc]  # it ships no type information
        def _ensure_model_qsv_sufficient(self, calibration_result: Any) -> None:
            """Open no LiteRT in this process."""

    statistics = {name: {"min": np.array([low]), "max": np.array([high])} for name, (low, high) in ranges.items()}
    with redirect_stderr(StringIO()), quiet():
        quantizer = WithoutEngine(hub.read_bytes(), _recipe(scheme))
        result = quantizer.quantize(statistics or None, enable_progress_report=False, enable_progress_bar=False)
    output.write_bytes(bytes(result.quantized_model))


def _recipe(scheme: Scheme) -> list[dict[str, Any]]:
    """Return ai-edge-quantizer's rules for a scheme, with a scale for each channel."""
    rule = {"regex": ".*", "operation": "*", "algorithm_key": "min_max_uniform_quantize"}
    if scheme is Scheme.FP16:
        weights = {"num_bits": 16, "symmetric": True, "granularity": "TENSORWISE", "dtype": "FLOAT"}
        config = {"weight_tensor_config": weights, "compute_precision": "FLOAT", "explicit_dequantize": True}
        return [{**rule, "algorithm_key": "float_casting", "op_config": config}]

    def config_of(bits: int) -> dict[str, Any]:
        weights = {"num_bits": bits, "symmetric": True, "granularity": "CHANNELWISE", "dtype": "INT"}
        integer = scheme in (Scheme.DYNAMIC, Scheme.INT8, Scheme.INT16X8)
        precision = {"compute_precision": "INTEGER" if integer else "FLOAT", "explicit_dequantize": not integer}
        return {"weight_tensor_config": weights, **precision}

    if scheme is Scheme.WEIGHT_INT4:
        narrow = [{**rule, "operation": op, "op_config": config_of(4)} for op in ("FULLY_CONNECTED", "CONV_2D")]
        return [{**rule, "op_config": config_of(8)}, *narrow]
    config = config_of(8)
    if scheme.needs_calibration:
        wide = scheme is Scheme.INT16X8
        config["activation_tensor_config"] = {
            "num_bits": 16 if wide else 8, "symmetric": wide, "granularity": "TENSORWISE", "dtype": "INT",
        }  # fmt: skip
    return [{**rule, "op_config": config}]


def load_network(source: Path) -> Any:
    """Return a Keras file or a SavedModel as our own TensorFlow process reads it."""
    from edgequant_converters._tensorflow_worker._keras import load_keras
    from edgequant_converters._tensorflow_worker._saved_model import load_saved_model

    return (load_saved_model if source.is_dir() else load_keras)(source, source.name)


OF_TENSORFLOW = (Scheme.FP16, Scheme.DYNAMIC, Scheme.INT8, Scheme.INT16X8)
"""The number formats that TensorFlow's converter has."""


def tensorflow(network: Any, output: Path, *, scheme: Scheme, samples: Iterable[Sequence[NDArray[Any]]]) -> None:
    """Write a model by tf.lite, int8 and int16x8 with integer inputs and outputs; a sample has an array an input."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    def representative() -> Iterator[list[NDArray[Any]]]:
        yield from (list(sample) for sample in samples)

    frozen = convert_variables_to_constants_v2(network.traced.get_concrete_function())
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    operators = tf.lite.OpsSet
    if scheme is Scheme.FP16:
        converter.target_spec.supported_types = [tf.float16]
    elif scheme is Scheme.INT8:
        converter.representative_dataset = representative
        converter.target_spec.supported_ops = [operators.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    elif scheme is Scheme.INT16X8:
        wide = operators.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        converter.representative_dataset = representative
        converter.target_spec.supported_ops = [wide]
        converter.inference_input_type = converter.inference_output_type = tf.int16
    with quiet():
        output.write_bytes(converter.convert())


def onnxruntime_int8(hub: Path, output: Path, samples: Samples) -> None:
    """Write a QDQ model by ONNX Runtime's static quantization: min-max, a scale for each channel of the weights."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # it ships no type information
        def __init__(self) -> None:
            self._left = iter(samples)

        def get_next(self) -> Any:
            return next(self._left, None)

    prepared = output.with_suffix(".prepared.onnx")
    with quiet():
        quant_pre_process(str(hub), str(prepared))
        quantize_static(
            str(prepared), str(output), Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
            activation_type=QuantType.QInt8, weight_type=QuantType.QInt8,
        )  # fmt: skip
