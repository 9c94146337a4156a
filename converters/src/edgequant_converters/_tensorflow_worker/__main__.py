"""What the worker is asked: documents with arrays, as all workers of `edgequant_runtime.isolation` are.

A request says what to `do`; its "description" is the network's name in messages. Arrays are in the network's order.

- "load": the network at "path", whose "kind" is "keras" or "saved_model". The answer has its "inputs", a name, a shape
  (-1: free) and a type each, and the names of its "outputs".
- "trace": the network, with inputs of these "shapes".
- "run": the network on the arrays. The answer has its outputs' arrays. "random": nobody says that it takes such inputs.
- "write": the network as a float32 hub of the "target", "litert" or "onnx", to the file "output".

An answer that is none is {"refusal": "SourceError" | "UnsupportedError", "message": a sentence}.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgequant_runtime.isolation import serve
from numpy.typing import NDArray

from edgequant_converters._errors import ConverterError, SourceError, UnsupportedError
from edgequant_converters._extras import how_to_install

from ._keras_file import check_keras_file
from ._messages import first_line, known_cause

if TYPE_CHECKING:
    from ._network import Network

Arrays = list[NDArray[Any]]
Answer = tuple[dict[str, Any], Arrays]


class _Worker:
    _network: "Network"

    def answer(self, request: dict[str, Any], arrays: Arrays, notify: object) -> Answer:
        """Do what is asked."""
        try:
            return _ACTIONS[request["do"]](self, request, arrays)
        except ConverterError as error:
            return _refusal(type(error), str(error))
        except ModuleNotFoundError as error:
            advice = how_to_install("keras")
            return _refusal(UnsupportedError, f"{error.name} is missing, which this conversion needs: {advice}")
        except Exception as error:  # TensorFlow raises whatever it likes; its traceback means nothing to a user
            kind = UnsupportedError if known_cause(error) else SourceError
            return _refusal(kind, f"{request['description']} cannot be converted: {first_line(error)}")

    def load(self, request: dict[str, Any], arrays: Arrays) -> Answer:
        """Load the network."""
        self._network = network = _load(request["kind"], Path(request["path"]), request["description"])
        specs = zip(network.input_names, network.free_shapes, network.hub_types, strict=True)
        inputs = [(name, shape, kind.as_numpy_dtype().dtype.str) for name, shape, kind in specs]
        return {"inputs": inputs, "outputs": network.output_names}, []

    def trace(self, request: dict[str, Any], arrays: Arrays) -> Answer:
        """Fix the shapes and trace the network, so that what fails later is its work on the inputs."""
        self._network.input_shapes = request["shapes"]
        self._network.traced.get_concrete_function()
        return {}, []

    def run(self, request: dict[str, Any], arrays: Arrays) -> Answer:
        """Run the network."""
        try:
            return {}, self._network.run(arrays)
        except Exception as error:
            if not request["random"] or known_cause(error):
                raise
            raise SourceError(
                f"{request['description']} does not run on random inputs, so no conversion can be checked: give "
                f"calibration data. {first_line(error)}"
            ) from error

    def write(self, request: dict[str, Any], arrays: Arrays) -> Answer:
        """Write the network as a hub."""
        output = Path(request["output"])
        if request["target"] == "litert":
            from ._write_litert import write_litert

            write_litert(self._network, output)
        else:
            from ._write_onnx import write_onnx

            write_onnx(self._network, output)
        return {}, []


_ACTIONS: dict[str, Callable[[_Worker, dict[str, Any], Arrays], Answer]] = {
    "load": _Worker.load,
    "trace": _Worker.trace,
    "run": _Worker.run,
    "write": _Worker.write,
}


def _load(kind: str, path: Path, description: str) -> "Network":
    """Load a network as if it were the first: one that was there before leaves nothing, not even names."""
    if kind == "keras":
        check_keras_file(path, description)
        from ._keras import load_keras

        return load_keras(path, description)
    from ._saved_model import load_saved_model

    return load_saved_model(path, description)


def _refusal(kind: type[ConverterError], message: str) -> Answer:
    return {"refusal": kind.__name__, "message": message}, []


if __name__ == "__main__":
    serve(_Worker().answer)
