"""Corrections of the int8 model, layer by layer in the order of execution: rounding of weights, then biases.

Each layer is corrected in the model in which all layers before it have been, since its inputs depend on them.

The bias correction is that of Nagel et al. (ICCV 2019), section 4.2, in its empirical form: rounding weights and
cutting off activations shifts the mean of a layer's output; the shift of each channel, measured on calibration samples,
is subtracted from its bias.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edgequant_converters._request import Sample
from edgequant_converters.quantizer import LitertActivations

from ._edits import RoundWeights, ShiftBias
from ._inner import InnerTensors
from ._network import Layer, Network
from ._rounding import LARGEST_FAN_IN, LayerMoments, best_steps, fan_in
from ._treatment import LitertWorkshop, Tick, Treatment


def round_weights(workshop: LitertWorkshop, treatment: Treatment, tick: Tick) -> Treatment:
    """Return the treatment with the weights of every layer rounded for the least error of its output."""
    network = workshop.network(treatment.all_edits)
    layers = [layer for layer in network.layers if fan_in(layer, network.weights(layer)) <= LARGEST_FAN_IN]
    for done, layer in enumerate(layers):
        tick(done, len(layers))
        edit = _rounded(workshop, network, treatment, layer)
        treatment = replace(treatment, corrections=(*treatment.corrections, edit))
    return treatment


def shift_biases(workshop: LitertWorkshop, treatment: Treatment, tick: Tick) -> Treatment:
    """Return the treatment with the mean error of every layer's output channels taken off its bias."""
    network = workshop.network(treatment.edits)
    samples = workshop.fit
    means = _means(
        LitertActivations(network.model, network.to_bytes()), samples, [layer.name for layer in network.layers]
    )
    for done, layer in enumerate(network.layers):
        tick(done, len(network.layers))
        inner = InnerTensors(workshop.build(treatment))
        own = [_channel_mean(inner.run(sample, [layer.name])[layer.name]) for sample in samples]
        shift = means[layer.name] - np.mean(own, axis=0)
        if np.any(shift):
            edit = ShiftBias(layer.name, tuple(float(value) for value in shift.astype(np.float32)))
            treatment = replace(treatment, corrections=(*treatment.corrections, edit))
    return treatment


def _rounded(workshop: LitertWorkshop, network: Network, treatment: Treatment, layer: Layer) -> RoundWeights:
    weights = network.weights(layer)
    moments = LayerMoments(layer, weights, network.graph.operators[layer.position].builtinOptions)
    clean, name = InnerTensors(workshop.network(treatment.edits).to_bytes()), network.tensor_name(layer.input)
    inner = InnerTensors(workshop.build(treatment))
    for sample in workshop.fit:
        moments.update(clean.run(sample, [name])[name], inner.run(sample, [name])[name])
    return RoundWeights.of(layer.name, best_steps(weights, layer, moments))


def _means(watch: LitertActivations, samples: Sequence[Sample], names: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Return the mean of each channel of the named tensors of the float network."""
    sums: dict[str, NDArray[np.float64]] = {}
    for sample in samples:
        for name, value in watch.run(sample):
            if name in names:
                sums[name] = sums.get(name, np.zeros(value.shape[-1])) + _channel_mean(value)
    return {name: total / len(samples) for name, total in sums.items()}


def _channel_mean(value: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(value.reshape(-1, value.shape[-1]).mean(axis=0, dtype=np.float64))
