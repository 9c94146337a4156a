"""Damage done to the first operator of a good model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

Damage = Callable[[Any], None]  # to the graph


def one_less(slot: int) -> Damage:
    """In the last dimension of an input."""

    def damage(graph: Any) -> None:
        tensor = graph.tensors[graph.operators[0].inputs[slot]]
        tensor.shape = np.append(tensor.shape[:-1], tensor.shape[-1] - 1)

    return damage


def inputs_are(tensors: dict[int, int]) -> Damage:
    """Other tensors for some inputs; -1 is absent."""

    def damage(graph: Any) -> None:
        inputs = graph.operators[0].inputs
        graph.operators[0].inputs = np.array([tensors.get(i, t) for i, t in enumerate(inputs)], np.int32)

    return damage


def option(name: str, value: int) -> Damage:
    return lambda graph: setattr(graph.operators[0].builtinOptions, name, value)


def damaged(data: bytes, damage: Damage) -> bytes:
    model = schema.ModelT.InitFromPackedBuf(data)
    damage(model.subgraphs[0])
    builder = flatbuffers.Builder(4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
