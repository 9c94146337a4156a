"""A file taken apart, changed anywhere and put together again, and how the engine refuses it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as schema

from .oracle import NativeError, run_native

ERROR_MODEL, ERROR_UNSUPPORTED, ERROR_LIMIT = 3, 4, 5

Damage = Callable[[Any], None]  # to the file


def unpack(data: bytes) -> Any:
    return schema.ModelT.InitFromPackedBuf(data)


def pack(model: Any, identifier: bytes = b"TFL3") -> bytes:
    builder = flatbuffers.Builder(4096)
    builder.Finish(model.Pack(builder), identifier)
    return bytes(builder.Output())


def refusal(data: bytes) -> NativeError:
    with pytest.raises(NativeError) as caught:
        run_native(data, [])
    return caught.value


def put(target: Any, fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        setattr(target, name, value)


def buffer(tensor: int, **fields: Any) -> Damage:
    """The buffer that a tensor has its values in."""
    return lambda model: put(model.buffers[model.subgraphs[0].tensors[tensor].buffer], fields)
