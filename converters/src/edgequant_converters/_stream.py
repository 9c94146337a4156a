"""Models that remember: state in resource variables, which is meant to last from one inference to the next."""

from pathlib import Path

_TFLITE = b"TFL3"


def file_keeps_a_stream(path: Path) -> bool:
    """Tell it of a file, as `keeps_a_stream` does of its content."""
    with path.open("rb") as file:
        start = file.read(8)
        return start[4:] == _TFLITE and keeps_a_stream(start + file.read())


def keeps_a_stream(data: bytes) -> bool:
    """Tell whether what a model computes depends on the inferences before, as of a streaming network in LiteRT.

    An ONNX model has no such state. The variable tensors of LSTM operators do not count: they last over the steps of
    one inference, and users reset them between sequences. `data` is a model that an engine has opened.
    """
    if data[4:8] != _TFLITE:
        return False
    from ai_edge_litert.schema_py_generated import BuiltinOperator, Model

    model = Model.GetRootAs(data, 0)
    codes = (model.OperatorCodes(index) for index in range(model.OperatorCodesLength()))
    return any(code.BuiltinCode() == BuiltinOperator.VAR_HANDLE for code in codes)
