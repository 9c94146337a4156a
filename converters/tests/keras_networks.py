"""Small Keras networks of every kind that the readers meet, written to a folder: `python keras_networks.py FOLDER`.

A script, since the tests' own process must never import TensorFlow. Beside each network NAME that can be converted it
writes NAME.npz: `input_0`, ..., and the network's own `output_0`, ... for one sample.
"""

import json
import os
import sys
from pathlib import Path

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "KERAS_BACKEND": "tensorflow"}

import h5py
import keras
import numpy as np
import tensorflow as tf
from keras import layers


def sequential(shape, *stack):
    return keras.Sequential([keras.Input(shape), *stack])


def convolutional():
    return sequential(
        (16, 16, 3),
        layers.Conv2D(8, 3, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(6.0),
        layers.DepthwiseConv2D(3, strides=2, padding="same"),
        layers.Dropout(0.5),
        layers.GlobalAveragePooling2D(),
        layers.Dense(5, activation="gelu"),
        layers.Softmax(),
    )


def flattening():
    return sequential((6, 6, 2), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(3))


def normalized():
    """Statistics that are eager tensors, not variables, as in EfficientNet."""
    statistics = layers.Normalization(mean=[0.4, 0.5, 0.6], variance=[0.04, 0.05, 0.06])
    return sequential((8, 8, 3), statistics, layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(3))


def two_sided():
    """Inputs and outputs given as dictionaries, in an order that is not the alphabet's."""
    left, right = keras.Input((6,), name="left"), keras.Input((4,), name="right")
    joined = layers.Concatenate()([left, right])
    outputs = {"total": layers.Dense(3)(joined), "left_only": layers.Dense(2)(left)}
    return keras.Model({"right": right, "left": left}, outputs)


def attention():
    tokens = keras.Input((9,), dtype="int32", name="tokens")
    embedded = layers.Embedding(20, 8)(tokens)
    mixed = layers.LayerNormalization()(embedded + layers.MultiHeadAttention(2, 4)(embedded, embedded))
    return keras.Model(tokens, layers.Dense(3)(layers.GlobalAveragePooling1D()(mixed)))


def volumes():
    """Layers that TensorFlow's converter has no operators for, or tf2onnx writes wrongly if it is let."""
    x = keras.Input((4, 6, 6, 4), name="volume")
    pooled = layers.MaxPooling3D((3, 1, 1))(layers.Conv3D(4, 2, groups=2)(x))
    image = layers.Resizing(9, 7)(layers.Reshape((5, 5, 4))(pooled))
    means = layers.GlobalAveragePooling2D()(image)
    kinds = layers.CategoryEncoding(3, output_mode="count")(keras.ops.cast(keras.ops.clip(means, 0, 2), "int32"))
    return keras.Model(x, [means, kinds])


def square_root():
    """NaN for most random inputs: sqrt(x - 1) W."""
    x = keras.Input((8,), name="x")
    return keras.Model(x, layers.Dense(4)(keras.ops.sqrt(x - 1.0)))


def lstm_and_erfinv():
    x = keras.Input((6, 5))
    return keras.Model(x, keras.ops.erfinv(keras.ops.tanh(layers.LSTM(4)(x))))


def half_precision():
    return sequential((8,), layers.Dense(6, dtype="mixed_float16"), layers.Dense(2, dtype="float16"))


class Doubling(layers.Layer):
    def call(self, inputs):
        return 2 * inputs


NETWORKS = {
    "convolutional": convolutional,
    "flattening": flattening,
    "normalized": normalized,
    "two_sided": two_sided,
    "attention": attention,
    "volumes": volumes,
    "half_precision": half_precision,
    "lstm": lambda: sequential((12, 5), layers.Bidirectional(layers.LSTM(4)), layers.Dense(3)),
    "lstm50": lambda: sequential((50, 5), layers.LSTM(32), layers.Dense(3)),
    "other_recurrent": lambda: sequential(
        (40, 5),
        layers.SimpleRNN(6, return_sequences=True, use_bias=False),
        layers.GRU(5, return_sequences=True, go_backwards=True),
        layers.SimpleRNN(4, activation="relu", go_backwards=True),
    ),
    "unrolled": lambda: sequential(
        (6, 5),
        layers.GRU(4, return_sequences=True, reset_after=False),
        layers.LSTM(3, return_sequences=True, recurrent_activation="hard_sigmoid"),
        layers.Masking(),
        layers.LSTM(4),
    ),
    "gru": lambda: sequential((12, 5), layers.GRU(7, return_sequences=True), layers.GRU(3)),
}
REFUSED = {
    "lambda": lambda: sequential((4,), layers.Lambda(lambda x: 2 * x)),
    "custom": lambda: sequential((4,), Doubling(), layers.Dense(2)),
    "free_size": lambda: sequential((None, None, 3), layers.Conv2D(2, 3), layers.GlobalAveragePooling2D()),
}


def randomise(model):
    """Give batch norms a history: untrained ones do next to nothing."""
    generator = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([generator.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])


def save_sample(model, path):
    generator = np.random.default_rng(7)
    inputs = [
        generator.integers(0, 20, (1, *i.shape[1:])).astype("int32")
        if i.dtype == "int32"
        else generator.normal(size=(1, *i.shape[1:])).astype("float32")
        for i in model.inputs
    ]
    by_name = dict(zip([i.name for i in model.inputs], inputs, strict=True))
    outputs = tf.nest.flatten(model(by_name if len(inputs) > 1 else inputs[0], training=False))
    arrays = {f"input_{n}": a for n, a in enumerate(inputs)}
    np.savez(path, **arrays, **{f"output_{n}": np.asarray(a, "float32") for n, a in enumerate(outputs)})


def save_as_keras_2(model, path):
    """Write .h5 with what Keras 2 put into the configuration and Keras 3 does not know, and a compile state."""
    model.compile("adam", "mse")
    model.save(path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        for layer in config["config"]["layers"]:
            if "Depthwise" in layer["class_name"]:
                layer["config"]["groups"] = 1
            if layer["class_name"] in ("LSTM", "GRU"):
                layer["config"] |= {"time_major": False, "implementation": 2}
        file.attrs["model_config"] = json.dumps(config)
        training = json.loads(file.attrs["training_config"])
        training["optimizer_config"] = {"class_name": "Adam", "config": {"lr": 0.1, "decay": 0.0}}
        file.attrs["training_config"] = json.dumps(training)


def save_saved_models(folder):
    model = convolutional()
    randomise(model)
    model.export(folder / "exported", verbose=False)
    save_sample(model, folder / "exported.npz")
    sequential((12, 5), layers.GRU(4)).export(folder / "loop", verbose=False)
    module = tf.Module()
    tf.saved_model.save(module, folder / "no_signature")
    module.double = tf.function(lambda x: {"y": 2 * x}, input_signature=[tf.TensorSpec((None, 2), name="x")])
    module.triple = tf.function(lambda x: {"y": 3 * x}, input_signature=[tf.TensorSpec((None, 2), name="x")])
    signatures = {"double": module.double, "triple": module.triple}
    tf.saved_model.save(module, folder / "two_signatures", signatures=signatures)
    module.text = tf.function(
        lambda x: {"y": tf.strings.length(x)}, input_signature=[tf.TensorSpec((None,), tf.string, name="x")]
    )
    tf.saved_model.save(module, folder / "text", signatures=module.text)
    module.polygamma = tf.function(
        lambda x: {"y": tf.math.polygamma(x, x)}, input_signature=[tf.TensorSpec((None, 2), name="x")]
    )
    tf.saved_model.save(module, folder / "polygamma", signatures=module.polygamma)
    whole = tf.TensorSpec((None, 4), tf.int32)
    module.divide = tf.function(lambda x, n: {"y": tf.cast(x // n, tf.float32)}, input_signature=[whole, whole])
    tf.saved_model.save(module, folder / "division", signatures=module.divide)
    save_with_side_effects(folder)
    save_ring_buffer(folder / "ring_buffer")


def save_ring_buffer(folder):
    """Write a streaming network: the sum of the last three inputs, which begins with ones in their place."""
    module = tf.Module()
    module.last = tf.Variable(tf.ones((3, 2)))

    def push(x):
        module.last.assign(tf.concat([module.last[1:], x], 0))
        return {"y": tf.reduce_sum(module.last, 0, keepdims=True)}

    function = tf.function(push, input_signature=[tf.TensorSpec((1, 2), name="x")])
    tf.saved_model.save(module, folder, signatures=function)


def _with_effect(effect):
    @tf.function
    def inner(x):
        effect()
        return tf.cond(x[0, 0] > 0, lambda: x * 2, lambda: x)

    return tf.function(lambda x: {"y": inner(x)}, input_signature=[tf.TensorSpec((None, 2), name="x")])


def save_with_side_effects(folder):
    """Write SavedModels that do more than compute, in the function itself, in one that it calls, and in a session's."""
    effects = {
        "writes_a_file": lambda: tf.io.write_file("attacked", "text"),
        "reads_a_file": lambda: tf.io.read_file("/etc/hostname"),
        "runs_python": lambda: tf.py_function(lambda: 0, [], tf.int32),
        "prints_to_a_file": lambda: tf.print("text", output_stream="file://attacked"),
        "saves": lambda: tf.raw_ops.SaveV2(prefix="attacked", tensor_names=["a"], shape_and_slices=[""], tensors=[1.0]),
        "lists_files": lambda: tf.io.matching_files("/etc/*"),
        "reads_a_dataset": lambda: tf.data.TextLineDataset("/etc/hostname").reduce(0, lambda n, _: n + 1),
    }
    for name, effect in effects.items():
        module = tf.Module()
        module.call = _with_effect(effect)
        tf.saved_model.save(module, folder / name, signatures=module.call)
    for name in ("session", "session_writes"):
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            x = tf.compat.v1.placeholder(tf.float32, (None, 2), name="x")
            weight = tf.compat.v1.get_variable("w", (2, 2), use_resource=False)
            session.run(tf.compat.v1.global_variables_initializer())
            with tf.control_dependencies([tf.io.write_file("attacked", "text")] if name == "session_writes" else []):
                y = tf.matmul(x, weight)
            tf.compat.v1.saved_model.simple_save(session, str(folder / name), {"x": x}, {"y": y})


def save_tflite(folder):
    """Write .tflite files straight from TensorFlow's converter: a free batch, and each way of being quantized."""

    def samples():
        for _ in range(4):
            yield [np.random.default_rng(0).normal(size=(1, 6, 6, 2)).astype("float32")]

    flattening_with_shape = tf.keras.Sequential([keras.Input((6, 6, 2)), layers.Conv2D(64, 3)])

    def with_shape(x):
        y = flattening_with_shape(x, training=False)
        return tf.reshape(y, (tf.shape(y)[0], 1024))

    function = tf.function(with_shape, input_signature=[tf.TensorSpec((None, 6, 6, 2), name="image")])
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    frozen = convert_variables_to_constants_v2(function.get_concrete_function())

    def write(name, types=(), **settings):
        converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
        converter.target_spec.supported_types = list(types)
        for key, value in settings.items():
            setattr(converter, key, value)
        (folder / f"{name}.tflite").write_bytes(converter.convert())

    optimise = [tf.lite.Optimize.DEFAULT]
    write("free_batch")
    write("float16", types=[tf.float16], optimizations=optimise)
    write("dynamic_range", optimizations=optimise)
    write("int8", optimizations=optimise, representative_dataset=samples)


def main(folder):
    keras.utils.set_random_seed(0)
    for name, build in NETWORKS.items():
        model = build()
        randomise(model)
        model.save(folder / f"{name}.keras")
        save_sample(model, folder / f"{name}.npz")
    for name, build in REFUSED.items():
        build().save(folder / f"{name}.keras")
        build().save(folder / f"{name}.h5")
    square_root().save(folder / "square_root.keras")
    stateful = keras.Sequential([keras.Input(batch_shape=(1, 4, 5)), layers.LSTM(6, stateful=True), layers.Dense(2)])
    stateful.save(folder / "stateful.keras")
    lstm_and_erfinv().save(folder / "lstm_and_erfinv.keras")
    old = convolutional()
    randomise(old)
    save_as_keras_2(old, folder / "old.h5")
    save_sample(old, folder / "old.npz")
    old_lstm = sequential((12, 5), layers.LSTM(4))
    save_as_keras_2(old_lstm, folder / "old_lstm.h5")
    save_sample(old_lstm, folder / "old_lstm.npz")
    old.save_weights(folder / "only.weights.h5")
    save_saved_models(folder)
    save_tflite(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
