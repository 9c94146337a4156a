"""Models that remember: state in resource variables, which is meant to last from one inference to the next."""


def keeps_a_stream(data: bytes) -> bool:
    """Tell whether what a model computes depends on the inferences before, as of a streaming network in LiteRT.

    An ONNX model has no such state. The variable tensors of LSTM operators do not count: they last over the steps of
    one inference, and users reset them between sequences. `data` is a model that an engine has opened.
    """
    if data[4:8] != b"TFL3":
        return False
    from ai_edge_litert.schema_py_generated import BuiltinOperator, Model

    model = Model.GetRootAs(data, 0)
    codes = (model.OperatorCodes(index) for index in range(model.OperatorCodesLength()))
    return any(code.BuiltinCode() == BuiltinOperator.VAR_HANDLE for code in codes)
