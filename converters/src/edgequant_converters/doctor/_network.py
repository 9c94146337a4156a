"""A float .tflite graph under treatment: its layers, who feeds whom, and edits of weights."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgequant_converters.tflite import ModelT, model_bytes, operator_name, read_model, type_name

Array = NDArray[np.float32]

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


@dataclass(frozen=True, slots=True)
class Layer:
    """An operator with trained weights, by the tensors it touches.

    `name` is that of its output tensor. Weights are (out, height, width, in) for CONV_2D, (1, height, width, channels)
    for DEPTHWISE_CONV_2D, (out, in) for FULLY_CONNECTED. `activation` is the fused one: NONE, RELU, RELU6 ...
    """

    position: int
    type: str
    name: str
    input: int
    output: int
    activation: str

    @property
    def channel_axis(self) -> int:
        """The axis of the weights that counts output channels."""
        return 3 if self.type == "DEPTHWISE_CONV_2D" else 0


class Network:
    """One copy of the hub; edits change this copy alone."""

    def __init__(self, data: bytes) -> None:
        self.model: ModelT = read_model(data)
        self.graph = self.model.subgraphs[0]
        self._index = {tensor.name.decode(): i for i, tensor in enumerate(self.graph.tensors)}
        self.refresh()

    def refresh(self) -> None:
        """Find the layers again, after operators were added or removed."""
        self.layers = [layer for i in range(len(self.graph.operators)) if (layer := self._layer(i))]
        self._by_name = {layer.name: layer for layer in self.layers}

    def to_bytes(self) -> bytes:
        """Return the graph as a .tflite file."""
        return model_bytes(self.model)

    def layer(self, name: str) -> Layer:
        """Return the layer whose output tensor is called so; raises KeyError."""
        return self._by_name[name]

    def type_of(self, operator: Any) -> str:
        """Return an operator's type, such as CONV_2D."""
        return operator_name(self.model, operator)

    def activation_of(self, operator: Any) -> str:
        """Return the name of an operator's fused activation, NONE if it has none."""
        code = getattr(operator.builtinOptions, "fusedActivationFunction", 0)
        return _activation_names()[code]

    def set_activation(self, layer: Layer, activation: str) -> None:
        """Change a layer's fused activation."""
        codes = {name: code for code, name in _activation_names().items()}
        self.graph.operators[layer.position].builtinOptions.fusedActivationFunction = codes[activation]

    def tensor_name(self, index: int) -> str:
        """Return a tensor's name."""
        name: bytes = self.graph.tensors[index].name
        return name.decode()

    def tensor(self, name: str) -> int:
        """Return the index of the tensor called so; raises KeyError."""
        return self._index[name]

    def shape(self, index: int) -> tuple[int, ...]:
        """Return a tensor's shape; some files leave out that of a scalar."""
        shape = self.graph.tensors[index].shape
        return () if shape is None else tuple(int(n) for n in shape)

    def constant(self, index: int) -> NDArray[Any] | None:
        """Return a constant tensor's value (bytes, if it is neither float32 nor int), None for what is computed."""
        tensor = self.graph.tensors[index]
        data = self.model.buffers[tensor.buffer].data
        if data is None or len(data) == 0:
            return None
        dtype = {"FLOAT32": np.float32, "INT32": np.int32, "INT64": np.int64}.get(type_name(tensor.type))
        return (
            np.frombuffer(bytes(data), np.uint8)
            if dtype is None
            else np.frombuffer(bytes(data), dtype).reshape(self.shape(index))
        )

    def weights(self, layer: Layer) -> Array:
        """Return a layer's weights."""
        value = self.constant(int(self.graph.operators[layer.position].inputs[1]))
        assert value is not None
        return value

    def bias(self, layer: Layer) -> Array:
        """Return a layer's bias, one value per output channel; zeros if it has none."""
        inputs = self.graph.operators[layer.position].inputs
        value = self.constant(int(inputs[2])) if len(inputs) > 2 and inputs[2] >= 0 else None
        channels = self.weights(layer).shape[layer.channel_axis]
        return np.zeros(channels, np.float32) if value is None else value.ravel()

    def set_weights(self, layer: Layer, value: NDArray[Any]) -> None:
        """Give a layer weights of its own."""
        self._set_input(layer, 1, value)

    def set_bias(self, layer: Layer, value: NDArray[Any]) -> None:
        """Give a layer a bias of its own."""
        self._set_input(layer, 2, value)

    def consumers(self, index: int) -> list[Any]:
        """Return the operators that read a tensor."""
        return [op for op in self.graph.operators if index in op.inputs]

    def add_tensor(self, name: str, value: NDArray[Any] | None, shape: tuple[int, ...]) -> int:
        """Append a float32 tensor, constant if it has a value; return its index."""
        from ai_edge_litert.schema_py_generated import BufferT, TensorT, TensorType

        while name in self._index:
            name += "_"
        buffer = BufferT()
        if value is not None:
            buffer.data = np.frombuffer(np.ascontiguousarray(value, np.float32).tobytes(), np.uint8)
        self.model.buffers.append(buffer)
        tensor = TensorT(name=name.encode(), shape=np.array(shape, np.int32), type=TensorType.FLOAT32)
        tensor.buffer, tensor.hasRank = len(self.model.buffers) - 1, True
        self.graph.tensors.append(tensor)
        self._index[name] = len(self.graph.tensors) - 1
        return self._index[name]

    def _set_input(self, layer: Layer, position: int, value: NDArray[Any]) -> None:
        """Write a constant operand in place, or into a tensor of the layer's own if it is shared or missing."""
        operator = self.graph.operators[layer.position]
        inputs = [int(i) for i in operator.inputs] + [-1] * (position + 1 - len(operator.inputs))
        index = inputs[position]
        if index < 0 or self._is_shared(index):
            index = self.add_tensor(f"{layer.name}_{('', 'weights', 'bias')[position]}", value, value.shape)
        inputs[position] = index
        operator.inputs = np.array(inputs, np.int32)
        stored = np.ascontiguousarray(value, np.float32)
        self.model.buffers[self.graph.tensors[index].buffer].data = np.frombuffer(stored.tobytes(), np.uint8)

    def _is_shared(self, index: int) -> bool:
        buffer = self.graph.tensors[index].buffer
        twins = [i for i, tensor in enumerate(self.graph.tensors) if tensor.buffer == buffer]
        return len(twins) > 1 or sum(list(op.inputs).count(index) for op in self.graph.operators) > 1

    def _layer(self, position: int) -> Layer | None:
        operator = self.graph.operators[position]
        kind = self.type_of(operator)
        if kind not in WEIGHTED or self.constant(int(operator.inputs[1])) is None:
            return None
        if kind == "CONV_2D" and self.shape(int(operator.inputs[1]))[3] != self.shape(int(operator.inputs[0]))[3]:
            return None  # a grouped convolution, whose weights see part of the channels each
        output = int(operator.outputs[0])
        activation = self.activation_of(operator)
        return Layer(position, kind, self.tensor_name(output), int(operator.inputs[0]), output, activation)


def channel_scales(weights: Array, axis: int) -> NDArray[np.float64]:
    """Return the scale of each output channel's int8 weights, max|w| / 127; 1 for a channel of zeros."""
    largest = np.abs(weights).max(axis=tuple(i for i in range(weights.ndim) if i != axis)).astype(np.float64)
    return np.where(largest > 0, largest / 127, 1.0)


def along(values: NDArray[Any], axis: int, rank: int) -> NDArray[Any]:
    """Reshape one value per channel so that it broadcasts along `axis` of an array of `rank` axes."""
    return values.reshape([-1 if i == axis else 1 for i in range(rank)])


def input_channel_axis(layer: Layer) -> int:
    """Return the axis of the weights that counts input channels (for DEPTHWISE_CONV_2D the channels themselves)."""
    return 1 if layer.type == "FULLY_CONNECTED" else 3


def _activation_names() -> dict[int, str]:
    from ai_edge_litert.schema_py_generated import ActivationFunctionType

    return {code: name for name, code in vars(ActivationFunctionType).items() if isinstance(code, int)}
