"""What binds a recipe to its float hub: names, shapes and weights of every operator; in version 1, the file's bytes.

An exporter's update may write the same network as other bytes, in another order, with other names of constants: the
layers stay the same. A recipe names operators and activations, so their names count.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from edgequant_converters._errors import SourceError

_DIGITS = 32


@dataclass(frozen=True, slots=True)
class ByLayers:
    """Every operator by its name, with digests of its form (type, settings, names and shapes) and of its weights."""

    version: ClassVar[int] = 3
    layers: Mapping[str, tuple[str, str]]

    @classmethod
    def of(cls, hub: Path) -> Self:
        """Bind to a float .tflite or .onnx file."""
        return cls(dict(_layers(hub)))

    @classmethod
    def parse(cls, stored: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote; raises KeyError, TypeError, ValueError or AttributeError."""
        return cls({str(name): (str(form), str(weights)) for name, (form, weights) in stored["layers"].items()})

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe's keys for it."""
        return {"layers": {name: list(digests) for name, digests in sorted(self.layers.items())}}

    def check(self, hub: Path) -> None:
        """Raise SourceError, which names a layer that differs, unless all are the same."""
        found = dict(_layers(hub))
        differences = [
            *(f"layer '{name}' is not in it" for name in self.layers if name not in found),
            *(f"its layer '{name}' is not in the recipe's" for name in found if name not in self.layers),
            *(self._difference(name, digests) for name, digests in found.items() if self._differs(name, digests)),
        ]
        if differences:
            others = f", and {len(differences) - 1} more differ" if differences[1:] else ""
            raise SourceError(
                f"This recipe belongs to another model: {differences[0]}{others}; run `edgequant doctor` on this model."
            )

    def _differs(self, name: str, digests: tuple[str, str]) -> bool:
        return name in self.layers and self.layers[name] != digests

    def _difference(self, name: str, digests: tuple[str, str]) -> str:
        if self.layers[name][0] != digests[0]:
            return f"layer '{name}' has another type, other settings, inputs or shapes than when the recipe was made"
        return f"layer '{name}' has other weights than when the recipe was made"


@dataclass(frozen=True, slots=True)
class ByBytes:
    """The SHA-256 of the hub's file."""

    version: ClassVar[int] = 1
    sha256: str

    @classmethod
    def parse(cls, stored: Mapping[str, Any]) -> Self:
        """Read the recipe's keys for it; raises KeyError."""
        return cls(str(stored["hub_sha256"]))

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe's keys for it."""
        return {"hub_sha256": self.sha256}

    def check(self, hub: Path) -> None:
        """Raise SourceError unless this is the same file."""
        found = hashlib.sha256(hub.read_bytes()).hexdigest()
        if found != self.sha256:
            raise SourceError(
                "This recipe belongs to another model, or its source is exported in another way now: it is of "
                f"version 1, which knows the float32 form by its bytes alone, and their digest is not "
                f"{self.sha256[:12]}... but {found[:12]}...; run `edgequant doctor` on this model."
            )


BINDINGS: dict[int, type[ByLayers] | type[ByBytes]] = {1: ByBytes, 2: ByLayers, 3: ByLayers}
"""How recipes of each version are bound; from version 3 on they say what may stay in float."""


def _layers(hub: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield each operator's name with its digests; where a name comes again, a number follows it."""
    seen: dict[str, int] = {}
    for name, form, weights in _onnx_layers(hub) if hub.suffix == ".onnx" else _litert_layers(hub):
        seen[name] = count = seen.get(name, 0) + 1
        yield name if count == 1 else f"{name} #{count}", (_digest([json.dumps(form).encode()]), _digest(weights))


def _digest(parts: Iterable[bytes]) -> str:
    total = hashlib.sha256()
    for part in parts:
        total.update(len(part).to_bytes(8, "little") + part)
    return total.hexdigest()[:_DIGITS]


def _litert_layers(hub: Path) -> Iterator[tuple[str, list[Any], list[bytes]]]:
    from edgequant_converters.tflite import operator_name, read_model, type_name

    model = read_model(hub.read_bytes())
    for graph in model.subgraphs:
        for operator in graph.operators:
            tensors = [graph.tensors[i] if i >= 0 else None for i in (*operator.inputs, *operator.outputs)]
            form: list[Any] = [operator_name(model, operator), _settings(operator.builtinOptions)]
            weights = []
            for tensor in tensors:
                if tensor is None:
                    form.append(None)
                    continue
                data = model.buffers[tensor.buffer].data
                constant = b"" if data is None else bytes(data)
                name = "" if constant else tensor.name.decode()
                form.append([name, type_name(tensor.type), [int(size) for size in tensor.shape]])
                weights += [constant] if constant else []
            if len(operator.outputs):  # what sets a variable has none, and no recipe names it
                yield graph.tensors[operator.outputs[0]].name.decode(), form, weights


def _settings(options: Any) -> dict[str, Any]:
    """Return an operator's settings but for zeros: a later schema adds settings, whose default they are."""
    values = {} if options is None else vars(options)
    texts = {name: value.decode("latin-1") for name, value in values.items() if isinstance(value, bytes)}  # variables
    plain = {name: np.asarray(value).tolist() for name, value in values.items() if value is not None} | texts
    return {name: value for name, value in sorted(plain.items()) if value}


def _onnx_layers(hub: Path) -> Iterator[tuple[str, list[Any], list[bytes]]]:
    import onnx

    graph = onnx.load(hub).graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        given = [constants.get(name, name) for name in node.input]
        attributes = sorted(node.attribute, key=lambda attribute: attribute.name)
        values = [value for value in given if isinstance(value, onnx.TensorProto)]
        form = [
            node.op_type,
            node.domain,
            [value if isinstance(value, str) else [value.data_type, list(value.dims)] for value in given],
            list(node.output),
        ]
        weights = [onnx.numpy_helper.to_array(value).tobytes() for value in values]
        weights += [attribute.SerializeToString(deterministic=True) for attribute in attributes]
        yield node.name or node.output[0], form, weights
