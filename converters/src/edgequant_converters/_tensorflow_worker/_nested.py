"""Networks in networks, of which Keras 2 and 3 count the uses differently."""

from collections.abc import Iterator
from typing import Any


def counted_from_zero(config: dict[str, Any]) -> dict[str, Any]:
    """Return a functional network's configuration with the uses of each Sequential in it counted from 0, in place.

    Keras 2 counted the Sequential's own inputs as its first use, so that the first from outside has the number 1.
    """
    nested = {layer["name"] for layer in config.get("layers", ()) if layer.get("class_name") == "Sequential"}
    places = [layer.get("inbound_nodes") for layer in config.get("layers", ())]
    uses = list(_uses([places, config.get("input_layers"), config.get("output_layers")], nested))
    least = {name: min(use[1] for use in uses if use[0] == name) for name in {use[0] for use in uses}}
    for use in uses:
        use[1] -= min(least[use[0]], 1)
    return config


def _uses(part: Any, nested: set[str]) -> Iterator[list[Any]]:
    """Yield every [name of a nested network, number of its use, output, ...]."""
    if not isinstance(part, list):
        return
    if len(part) >= 3 and isinstance(part[0], str) and isinstance(part[1], int):
        if part[0] in nested:
            yield part
        return
    for inner in part:
        yield from _uses(inner, nested)
