"""TensorFlow's errors that tell nobody what to do become their cause and the way out."""

import pytest

from edgequant_converters._tensorflow_worker._messages import first_line

OPENING = (
    "Graph execution error:\n\nDetected at node functional_1/conv2d_1/convolution defined at (most recent call):\n"
)


def test_a_long_line_ends_with_a_whole_word() -> None:
    told = first_line(ValueError("operator " * 40))
    assert told == "operator " * 32 + "operator ..."
    assert first_line(ValueError("x" * 300)) == "x" * 300
    assert first_line(ValueError("x" * 301)) == "x" * 296 + " ..."


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (OPENING + "The Conv2D op currently only supports the NHWC tensor format on the CPU.", "'channels_last'"),
        (
            "Input 0 of node lstm_1/AssignVariableOp_1 was passed float from lstm_1/ReadVariableOp/resource:0 "
            "incompatible with expected resource.",
            "convert to .tflite, or make the state an input",
        ),
        (
            OPENING + "<stack traces unavailable>\nInteger division by zero\n\t [[{{node div}}]] [Op:f]",
            "Integer division",
        ),
        (
            "{{function_node __inference_f_51}} Integer division by zero\n"
            "\t [[{{function_node __inference_f_25}}{{node floordiv}}]] [Op:__inference_f_51]",
            "Integer division by zero",
        ),
        (OPENING + "Out of range", "Detected at node functional_1/conv2d_1/convolution"),
    ],
)
def test_the_cause_is_told(text: str, told: str) -> None:
    assert told in first_line(ValueError(text))
