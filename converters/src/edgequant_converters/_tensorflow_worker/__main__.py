"""The worker's protocol.

Request, one JSON document on standard input: {"kind": "keras" | "saved_model" | "tflite", "path": the network,
"description": its name in messages, "target": "litert" | "onnx", "output": the hub file to write, "samples": an .npz
to write, with the arrays input_0, input_1 ... that the network was run on and its own outputs output_0, output_1 ...}.

Answer, one JSON line on standard output: {"inputs": [names], "outputs": [names]}, or {"error": "SourceError" |
"UnsupportedError", "message": a sentence}.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from edgequant_converters._errors import ConverterError, SourceError, UnsupportedError
from edgequant_converters._extras import how_to_install

from ._keras_file import check_keras_file
from ._messages import first_line


def main() -> None:
    """Answer one request."""
    answers = _claim_standard_output()
    request = json.load(sys.stdin)
    try:
        answer = _convert(request)
    except ConverterError as error:
        answer = {"error": type(error).__name__, "message": str(error)}
    except ModuleNotFoundError as error:
        message = f"{error.name} is missing, which this conversion needs: {how_to_install('keras')}"
        answer = {"error": UnsupportedError.__name__, "message": message}
    except Exception as error:  # TensorFlow raises whatever it likes; its traceback means nothing to a user
        message = f"{request['description']} cannot be converted: {first_line(error)}"
        answer = {"error": SourceError.__name__, "message": message}
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def _convert(request: dict[str, Any]) -> dict[str, Any]:
    path, output, description = Path(request["path"]), Path(request["output"]), str(request["description"])
    if request["kind"] == "tflite":
        from ._write_onnx import write_onnx_from_tflite

        write_onnx_from_tflite(path, output, description)
        return {}
    network = _load(request["kind"], path, description)
    inputs, outputs = network.run_on_seeded_inputs()
    arrays = {f"input_{number}": value for number, value in enumerate(inputs)}
    arrays |= {f"output_{number}": value for number, value in enumerate(outputs)}
    np.savez(request["samples"], **arrays)
    if request["target"] == "litert":
        from ._write_litert import write_litert

        write_litert(network, output)
    else:
        from ._write_onnx import write_onnx

        write_onnx(network, output)
    return {"inputs": network.input_names, "outputs": network.output_names}


def _load(kind: str, path: Path, description: str) -> Any:
    if kind == "keras":
        check_keras_file(path, description)
        from ._keras import load_keras

        return load_keras(path, description)
    from ._saved_model import load_saved_model

    return load_saved_model(path, description)


def _claim_standard_output() -> TextIO:
    """Return the real standard output; what libraries print there goes to standard error from now on."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


if __name__ == "__main__":
    main()
