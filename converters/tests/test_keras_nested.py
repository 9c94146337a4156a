"""Keras 2 counted the uses of a nested Sequential from 1, and Keras 3 counts them from 0."""

from edgequant_converters._tensorflow_worker._nested import counted_from_zero


def config(first: int) -> dict:
    """Return an encoder and a decoder that follow each other; `first` is the number of a Sequential's first use."""
    return {
        "layers": [
            {"class_name": "InputLayer", "name": "x", "inbound_nodes": []},
            {"class_name": "Sequential", "name": "encoder", "inbound_nodes": [[["x", 0, 0, {}]]]},
            {"class_name": "Dense", "name": "between", "inbound_nodes": [[["encoder", first, 0, {}]]]},
            {"class_name": "Sequential", "name": "decoder", "inbound_nodes": [[["between", 0, 0, {}]]]},
        ],
        "input_layers": [["x", 0, 0]],
        "output_layers": [["decoder", first, 0], ["between", 0, 0]],
    }


def test_both_ways_of_counting() -> None:
    for first in (0, 1):
        assert counted_from_zero(config(first)) == config(0)
