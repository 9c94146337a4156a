"""Readable, unique names for inputs and outputs."""

import re
from collections.abc import Sequence

from edgequant_runtime import unique_names

_GENERATED = re.compile(r"(StatefulPartitionedCall|PartitionedCall|Identity|keras_tensor|args)(_\d+)*")


def readable_names(names: Sequence[str], fallback: str) -> list[str]:
    """Shorten the names that converters give: "serving_default_image:0" to "image", "net/dense/Softmax:0" to "Softmax".

    A name that says nothing, such as "Identity_1" or "keras_tensor_4", becomes `fallback`; the result has no doubles.
    """
    return unique_names(_readable(name, fallback) for name in names)


def _readable(name: str, fallback: str) -> str:
    last = re.sub(r"^serving_default_|:\d+$", "", name.split(";")[0].rsplit("/", 1)[-1])
    readable = re.sub(r"\W+", "_", last).strip("_")
    return fallback if not readable or _GENERATED.fullmatch(readable) else readable
