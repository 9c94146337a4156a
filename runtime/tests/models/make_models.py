"""Make the small models beside this file; needs tensorflow and onnx, which the tests themselves do not.

python runtime/tests/models/make_models.py
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import tensorflow as tf
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).parent
RNG = np.random.default_rng(0)
WEIGHTS = RNG.normal(size=(4, 3)).astype(np.float32)
BIAS = RNG.normal(size=3).astype(np.float32)


class Classifier(tf.Module):
    """Four features to the probabilities of three classes; the batch is free."""

    @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32, name="features")])
    def classify(self, features):
        return {"probabilities": tf.nn.softmax(tf.matmul(features, WEIGHTS) + BIAS)}

    @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32, name="features")])
    def score(self, features):
        return {"scores": tf.matmul(features, WEIGHTS)}


class TwoInputs(tf.Module):
    """A float and an integer input, two outputs, everything of fixed size."""

    @tf.function(
        input_signature=[tf.TensorSpec((1, 3), tf.float32, name="a"), tf.TensorSpec((1, 3), tf.int32, name="b")]
    )
    def combine(self, a, b):
        return {"sum": a + tf.cast(b, tf.float32), "twice": b * 2}


class Positives(tf.Module):
    """The places of positive values: how many there are depends on the data."""

    @tf.function(input_signature=[tf.TensorSpec((5,), tf.float32, name="values")])
    def find(self, values):
        return {"places": tf.where(values > 0)}


def convert(module, signatures, name, **settings):
    folder = HERE / "saved"
    tf.saved_model.save(module, str(folder), signatures=signatures)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=list(signatures))
    for key, value in settings.items():
        setattr(converter, key, value)
    (HERE / name).write_bytes(converter.convert())
    tf.io.gfile.rmtree(str(folder))


def samples():
    rng = np.random.default_rng(1)
    for _ in range(64):
        yield [rng.uniform(-1, 1, size=(1, 4)).astype(np.float32)]


def make_litert_models():
    classifier = Classifier()
    one = {"serving_default": classifier.classify}
    convert(classifier, one, "float.tflite")
    convert(classifier, {"classify": classifier.classify, "score": classifier.score}, "two_signatures.tflite")
    convert(TwoInputs(), {"serving_default": TwoInputs().combine}, "two_inputs.tflite")
    convert(Positives(), {"serving_default": Positives().find}, "data_dependent.tflite")
    int8 = {"optimizations": [tf.lite.Optimize.DEFAULT], "representative_dataset": samples}
    convert(classifier, one, "int8_float_io.tflite", **int8)
    convert(classifier, one, "int8.tflite", **int8, inference_input_type=tf.int8, inference_output_type=tf.int8)
    convert(classifier, one, "uint8.tflite", **int8, inference_input_type=tf.uint8, inference_output_type=tf.uint8)


def make_windows():
    """An int8 convolution whose window of 5 does not fit one sample of audio; the length is free."""
    sys.path.insert(0, str(HERE.parent / "native"))
    from single_op import VALID, Model, Quantized

    model = Model()
    x = model.input((1, 1, 1, 2), "INT8", Quantized(0.5, 0), name="audio", signature=(1, 1, -1, 2))
    w = model.constant(np.ones((3, 1, 5, 2)), "INT8", Quantized([0.5] * 3, [0] * 3))
    b = model.constant(np.zeros(3), "INT32", Quantized([0.25] * 3, [0] * 3))
    y = model.tensor((1, 1, 1, 3), "INT8", Quantized(1.0, 0), name="frames", signature=(1, 1, -1, 3))
    model.operator("CONV_2D", [x, w, b], [y], "Conv2DOptions", version=3, padding=VALID, strideW=1, strideH=1)
    (HERE / "windows.tflite").write_bytes(model.finish([y]))


def write_onnx(name, nodes, inputs, outputs, weights=(), metadata=None, domains=()):
    graph = helper.make_graph(nodes, "net", inputs, outputs, [numpy_helper.from_array(v, k) for k, v in weights])
    opsets = [helper.make_opsetid("", 20)] + [helper.make_opsetid(domain, 1) for domain in domains]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    helper.set_model_props(model, metadata or {})
    onnx.save(model, HERE / name)


def make_onnx_models():
    value = helper.make_tensor_value_info
    features = value("features", TensorProto.FLOAT, ["batch", 4])
    probabilities = value("probabilities", TensorProto.FLOAT, ["batch", 3])
    dense = helper.make_node("Gemm", ["features", "weights", "bias"], ["scores"])
    classify = [dense, helper.make_node("Softmax", ["scores"], ["probabilities"])]
    weights = [("weights", WEIGHTS), ("bias", BIAS)]
    write_onnx("float.onnx", classify, [features], [probabilities], weights, {"author": "edgequant"})
    write_onnx("bf16_weights.onnx", classify, [features], [probabilities], weights, {"edgequant.weights": "bfloat16"})
    write_onnx(
        "two_inputs.onnx",
        [
            helper.make_node("Cast", ["b"], ["b_float"], to=TensorProto.FLOAT),
            helper.make_node("Add", ["a", "b_float"], ["sum"]),
            helper.make_node("Add", ["b", "b"], ["twice"]),
        ],
        [value("a", TensorProto.FLOAT, [1, 3]), value("b", TensorProto.INT32, [1, 3])],
        [value("sum", TensorProto.FLOAT, [1, 3]), value("twice", TensorProto.INT32, [1, 3])],
    )
    write_onnx(
        "data_dependent.onnx",
        [
            helper.make_node("Greater", ["values", "zero"], ["positive"]),
            helper.make_node("NonZero", ["positive"], ["places"]),
        ],
        [value("values", TensorProto.FLOAT, [5])],
        [value("places", TensorProto.INT64, [1, "count"])],
        [("zero", np.zeros((), np.float32))],
    )
    write_onnx(
        "unknown_op.onnx",
        [helper.make_node("Frobnicate", ["features"], ["probabilities"], domain="example.custom")],
        [features],
        [probabilities],
        domains=["example.custom"],
    )
    write_onnx(
        "text.onnx",
        [helper.make_node("Identity", ["words"], ["same"])],
        [value("words", TensorProto.STRING, [1])],
        [value("same", TensorProto.STRING, [1])],
    )


if __name__ == "__main__":
    make_litert_models()
    make_windows()
    make_onnx_models()
