"""A two-operator .tflite model, made by hand as converters of before 2020 did."""

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

WEIGHTS = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
BIAS = np.array([0.5, -1.0, 2.0], np.float32)


def build() -> Any:
    """Return y = relu(x W^T + b) with two outputs, the layer's and the activation's; x is (free batch, 4).

    Old in every way that matters: operators in `deprecatedBuiltinCode` alone, no signature, a tensor name used twice,
    one missing, and a free batch in the shape signatures.
    """
    tensors = [
        _tensor(b"input:0", [1, 4], signature=[-1, 4]),
        _tensor(b"dense/same", [3, 4], buffer=1),
        _tensor(b"dense/same", [3], buffer=2),
        _tensor(b"net/dense/BiasAdd", [1, 3], signature=[-1, 3]),
        _tensor(None, [1, 3], signature=[-1, 3]),
    ]
    dense = schema.OperatorT(
        opcodeIndex=0,
        inputs=[0, 1, 2],
        outputs=[3],
        builtinOptionsType=schema.BuiltinOptions.FullyConnectedOptions,
        builtinOptions=schema.FullyConnectedOptionsT(),
    )
    relu = schema.OperatorT(opcodeIndex=1, inputs=[3], outputs=[4])
    graph = schema.SubGraphT(tensors=tensors, inputs=[0], outputs=[3, 4], operators=[dense, relu], name=b"main")
    codes = [schema.BuiltinOperator.FULLY_CONNECTED, schema.BuiltinOperator.RELU]
    return schema.ModelT(
        version=3,
        operatorCodes=[schema.OperatorCodeT(deprecatedBuiltinCode=code, builtinCode=0, version=1) for code in codes],
        subgraphs=[graph],
        buffers=[schema.BufferT(), *(schema.BufferT(data=_bytes(values)) for values in (WEIGHTS, BIAS))],
        description=b"tiny",
    )


def expected(x: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    """Return both outputs for x of shape (1, 4)."""
    dense = x @ WEIGHTS.T + BIAS
    return [dense, np.maximum(dense, 0)]


def _tensor(name: bytes | None, shape: list[int], signature: list[int] | None = None, buffer: int = 0) -> Any:
    return schema.TensorT(name=name, shape=shape, shapeSignature=signature, buffer=buffer, hasRank=True)


def _bytes(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.frombuffer(values.tobytes(), np.uint8)
