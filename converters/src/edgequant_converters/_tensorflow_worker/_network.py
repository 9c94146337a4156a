"""A loaded TensorFlow network, whatever it was stored as."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from edgequant_converters._errors import SourceError

_ASSIGNS = re.compile(r"Assign(Add|Sub)?VariableOp|Resource(Scatter|StridedSliceAssign)\w*")


@dataclass
class Network:
    """A function on tensors; before it is traced, `input_shapes` are those that it is to have.

    `function` takes one tensor an input and returns a list, one an output, both in the order of the names.
    `keep_alive` holds the owner of the variables, which TensorFlow refers to weakly. `written`, given "litert" or
    "onnx", lets the function be traced as that target takes it while its context lasts, and tells if that differs.
    """

    description: str
    function: Callable[..., list[Any]]
    input_names: list[str]
    input_shapes: Sequence[Any]
    input_types: list[Any]
    output_names: list[str]
    keep_alive: Any = field(repr=False, default=None)
    written: Callable[[str], AbstractContextManager[bool]] = field(repr=False, default=lambda _: nullcontext(False))

    @cached_property
    def signature(self) -> list[Any]:
        """One TensorSpec an input, floats as float32; raises SourceError for a type that neither hub has."""
        fields = zip(self.input_shapes, self.hub_types, strict=True)
        return [tf.TensorSpec(shape, kind, name=f"input_{number}") for number, (shape, kind) in enumerate(fields)]

    @property
    def hub_types(self) -> list[Any]:
        """The types of the inputs in a hub; raises SourceError for one that neither hub has."""
        return [self._hub_type(*pair) for pair in zip(self.input_names, self.input_types, strict=True)]

    @property
    def free_shapes(self) -> list[list[int]]:
        """The shapes of the inputs, -1 where a size is free; raises SourceError for an input of unknown rank."""
        return [self._known(*pair) for pair in zip(self.input_names, self.input_shapes, strict=True)]

    @cached_property
    def traced(self) -> Any:
        """The network as a tf.function that takes and returns float32 wherever it computes in another float."""
        return self._function()

    def traced_for(self, target: str) -> Any:
        """Return the network as a tf.function as it is written to "litert" or "onnx", traced."""
        with self.written(target) as differs:
            function = self._function() if differs else self.traced
            if target == "onnx" and _compiles_a_part(function.get_concrete_function().graph):
                function = self._function()
                with _inner_functions_written_out():
                    function.get_concrete_function()
            function.get_concrete_function()
        return function

    def _function(self) -> Any:
        def call(*values: Any) -> list[Any]:
            cast = [tf.cast(value, dtype) for value, dtype in zip(values, self.input_types, strict=True)]
            return [tf.cast(v, tf.float32) if v.dtype.is_floating else v for v in self.function(*cast)]

        return tf.function(call, input_signature=self.signature)

    @property
    def keeps_state(self) -> bool:
        """Whether a call leaves something for the next, in variables."""
        graph = self.traced.get_concrete_function().graph.as_graph_def()
        nodes = [graph.node, *(function.node_def for function in graph.library.function)]
        return any(_ASSIGNS.fullmatch(node.op) for listed in nodes for node in listed)

    def run(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Return the network's own outputs of a first call; `inputs` are of the signature's shapes and types.

        The variables are as before afterwards.
        """
        variables = self.traced.get_concrete_function().variables if self.keeps_state else ()
        before = [(variable, variable.numpy()) for variable in variables]
        try:
            return [np.asarray(value.numpy()) for value in self.traced(*map(tf.constant, inputs))]
        finally:
            for variable, value in before:
                variable.assign(value)

    def _known(self, name: str, shape: Any) -> list[int]:
        if shape is None or tf.TensorShape(shape).rank is None:
            raise SourceError(f"{self.description}: the shape of input '{name}' is not known; build it with one.")
        return [-1 if size is None else int(size) for size in shape]

    def _hub_type(self, name: str, dtype: Any) -> Any:
        dtype = tf.as_dtype(dtype)
        if not (dtype.is_floating or dtype.is_integer or dtype.is_bool):
            raise SourceError(
                f"{self.description}: input '{name}' takes {dtype.name}; give a network that takes numbers."
            )
        return tf.float32 if dtype.is_floating else dtype


def _compiles_a_part(graph: Any) -> bool:
    """Tell whether XLA is to compile a function in it: Keras has that done for convolutions with groups."""
    return any("_XlaMustCompile" in node.attr for node in graph.as_graph_def().node)


@contextmanager
def _inner_functions_written_out() -> Iterator[None]:
    """Trace functions in functions as if they were none; tf2onnx leaves those that XLA is to compile as they are."""
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)
