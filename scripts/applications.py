"""The small networks of keras.applications, with seeded weights."""

from typing import Any

import numpy as np

APPLICATIONS = {
    "MobileNet": (0.0, 1.0),
    "MobileNetV2": (0.0, 1.0),
    "MobileNetV3Small": (0.0, 255.0),
    "EfficientNetB0": (0.0, 255.0),
}
"""Each by its name there, with the range of its images."""


def application(name: str, size: int, samples: list[Any]) -> Any:
    """Build a network with random weights, its batch normalizations with the statistics that the samples have there.

    With drawn ones values grow from layer to layer: of EfficientNet-B0 they came to 6 million, and LiteRT with XNNPACK
    and without were 0.3 of the output's range apart.
    """
    import keras

    keras.utils.set_random_seed(0)
    network = getattr(keras.applications, name)(
        weights=None, input_shape=(size, size, 3), classes=1000, classifier_activation=None
    )
    rng = np.random.default_rng(0)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            n = layer.gamma.shape[0]
            layer.set_weights([rng.uniform(0.7, 1.5, n), rng.normal(0, 0.3, n), np.zeros(n), np.ones(n)])
            layer.momentum = 0.0  # the statistics are those of the only batch
    network(np.concatenate(samples), training=True)
    # Logits too: the probabilities of random weights are nearly all the same, and would hide differences before them.
    return keras.Model(network.input, [network.output, keras.layers.Softmax()(network.output)])
