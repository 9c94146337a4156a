"""Convolutions and poolings, imported from ONNX, against ONNX Runtime."""

import pytest

from .onnx_import_check import check_case, rand, weight

X5 = rand(2, 4, 5, 6, 7)
X4 = rand(2, 4, 7, 9)
X3 = rand(2, 4, 11)

CONVOLUTIONS = {
    "1d": ("Conv", X3, weight(6, 4, 3), weight(6), {"pads": [1, 2]}),
    "2d": ("Conv", X4, weight(6, 4, 3, 3), weight(6), {"pads": [1, 1, 1, 1], "strides": [2, 2], "most": 3}),
    "3d": ("Conv", X5, weight(6, 4, 2, 3, 2), weight(6), {"pads": [1, 1, 0, 0, 1, 1], "strides": [2, 1, 2]}),
    "3d dilated": ("Conv", X5, weight(6, 4, 3, 2, 2), {"dilations": [2, 1, 2]}),
    "3d groups": ("Conv", X5, weight(6, 2, 3, 2, 2), weight(6), {"group": 2}),
    "3d depthwise": ("Conv", X5, weight(8, 1, 3, 3, 3), weight(8), {"group": 4, "pads": [1] * 6}),
    "depthwise": ("Conv", X4, weight(8, 1, 3, 3), weight(8), {"group": 4, "dilations": [2, 2], "most": 3}),
    "depthwise uneven strides": ("Conv", X4, weight(4, 1, 3, 3), {"group": 4, "strides": [2, 1]}),
    "depthwise uneven dilations": ("Conv", X4, weight(4, 1, 3, 3), {"group": 4, "dilations": [1, 2]}),
    "depthwise 1d": ("Conv", X3, weight(4, 1, 3), {"group": 4, "strides": [2]}),
    "groups": ("Conv", X4, weight(6, 2, 3, 3), weight(6), {"group": 2, "most": 3}),
    "asymmetric": ("Conv", X4, weight(6, 4, 3, 3), {"pads": [0, 2, 1, 0]}),
    "same upper": ("Conv", X4, weight(6, 4, 3, 3), {"auto_pad": "SAME_UPPER", "strides": [2, 2], "most": 3}),
    "same lower": ("Conv", X4, weight(6, 4, 4, 3), {"auto_pad": "SAME_LOWER", "strides": [3, 2]}),
    "valid": ("Conv", X4, weight(6, 4, 3, 3), {"auto_pad": "VALID"}),
    "bias of data": ("Conv", X4, weight(6, 4, 3, 3), rand(6)),
    "weights of data": ("Conv", X4, rand(6, 4, 3, 2), rand(6), {"pads": [1, 0, 1, 1], "strides": [2, 1]}),
    "weights of data 1d": ("Conv", X3, rand(6, 4, 3), weight(6)),
    "weights of data 3d": ("Conv", X5, rand(6, 2, 3, 2, 2), {"group": 2, "dilations": [1, 2, 1]}),
    "weights of data depthwise": ("Conv", X4, rand(8, 1, 3, 3), {"group": 4}),
}  # fmt: skip

TRANSPOSED = {
    "bias": ("ConvTranspose", X4, weight(4, 3, 3, 3), weight(3), {"strides": [2, 2], "most": 3}),
    "decoder": ("ConvTranspose", X4, weight(4, 3, 4, 4), {"strides": [2, 2], "pads": [1, 1, 1, 1], "most": 3}),
    "padded": (
        "ConvTranspose", X4, weight(4, 3, 3, 3), weight(3),
        {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1], "most": 4},
    ),
    "padded beyond": (
        "ConvTranspose", X4, weight(4, 3, 3, 3), weight(3), {"strides": [3, 3], "output_padding": [1, 2]},
    ),
    "asymmetric": (
        "ConvTranspose", X4, weight(4, 3, 4, 4), {"strides": [2, 2], "pads": [0, 1, 1, 2], "output_padding": [1, 0]},
    ),
    "1d": ("ConvTranspose", X3, weight(4, 3, 4), weight(3), {"strides": [2], "pads": [1, 1]}),
    "groups 1d": ("ConvTranspose", X3, weight(4, 2, 3), weight(4), {"group": 2, "dilations": [2]}),
    "groups": ("ConvTranspose", X4, weight(4, 2, 3, 3), weight(4), {"group": 2, "strides": [2, 1], "pads": [1] * 4}),
    "depthwise": (
        "ConvTranspose", rand(1, 6, 4, 5), weight(6, 1, 4, 4), weight(6),
        {"group": 6, "strides": [2, 2], "pads": [1] * 4},
    ),
    "depthwise all cut": (
        "ConvTranspose", rand(1, 6, 4, 5), weight(6, 2, 2, 2), {"group": 6, "strides": [2, 1], "pads": [2, 1, 0, 1]},
    ),
    "output shape": ("ConvTranspose", X4, weight(4, 3, 3, 3), {"strides": [2, 2], "output_shape": [14, 18]}),
    "larger output shape": (
        "ConvTranspose", X4, weight(4, 3, 3, 3), weight(3), {"strides": [3, 2], "output_shape": [22, 20]},
    ),
    "same upper": ("ConvTranspose", X4, weight(4, 3, 3, 3), {"strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    "same lower": ("ConvTranspose", X4, weight(4, 3, 4, 3), {"strides": [2, 2], "auto_pad": "SAME_LOWER"}),
    "dilated": ("ConvTranspose", X4, weight(4, 3, 3, 3), {"dilations": [2, 3], "strides": [2, 1]}),
    "3d": ("ConvTranspose", X5, weight(4, 3, 2, 3, 3), weight(3), {"strides": [2, 2, 1], "pads": [0, 1, 1, 1, 1, 0]}),
    "3d groups": (
        "ConvTranspose", X5, weight(4, 2, 3, 2, 3), weight(4),
        {"strides": [2, 1, 2], "pads": [1] * 6, "output_padding": [1, 0, 1], "group": 2},
    ),
    "weights of data": ("ConvTranspose", X4, rand(4, 3, 3, 3), rand(3), {"strides": [2, 2], "pads": [1] * 4}),
    "weights of data dilated": ("ConvTranspose", X4, rand(4, 3, 3, 3), {"dilations": [2, 2], "group": 2}),
}  # fmt: skip


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_convolution(case: str) -> None:
    check_case(CONVOLUTIONS[case])


@pytest.mark.parametrize("case", TRANSPOSED)
def test_transposed_convolution(case: str) -> None:
    check_case(TRANSPOSED[case])
