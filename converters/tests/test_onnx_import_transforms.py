"""Fourier transforms, columns, regions and caches, imported from ONNX, against ONNX Runtime or numpy."""

import numpy as np
import pytest

from edgequant_converters import UnsupportedError

from .onnx_import_check import Const, check, floats, imported, ints, rand, single_node

LOOSE = {"rtol": 1e-4, "atol": 1e-5}


def scalar(value: int) -> Const:
    return Const(np.array(value, np.int64))


@pytest.mark.parametrize("onesided", [0, 1])
@pytest.mark.parametrize("length", [None, 6, 13])
def test_fourier_transform_of_a_real_signal(onesided, length):
    x = rand(2, 9, 3, 1)
    given = None if length is None else scalar(length)
    transform = np.fft.rfft if onesided else np.fft.fft
    made = transform(x[..., 0], n=length, axis=1)
    expected = np.stack([made.real, made.imag], -1).astype(np.float32)
    check("DFT", x, given, scalar(1), opset=20, expected=[expected], onesided=onesided, most=6, **LOOSE)


@pytest.mark.parametrize("inverse", [0, 1])
def test_fourier_transform_of_a_complex_signal(inverse):
    x = rand(2, 9, 2)
    transform = np.fft.ifft if inverse else np.fft.fft
    made = transform(x[..., 0] + 1j * x[..., 1])
    check("DFT", x, opset=20, expected=[np.stack([made.real, made.imag], -1).astype(np.float32)], inverse=inverse,
          **LOOSE)  # fmt: skip


@pytest.mark.parametrize("length", [10, 11])
def test_one_sided_inverse_gives_the_real_signal(length):
    signal = rand(2, length)
    spectrum = np.fft.rfft(signal)
    x = np.stack([spectrum.real, spectrum.imag], -1).astype(np.float32)
    check("DFT", x, scalar(length), opset=20, expected=[signal[..., None]], inverse=1, onesided=1, **LOOSE)


@pytest.mark.parametrize("onesided", [0, 1])
def test_short_fourier_transform_is_one_convolution(onesided):
    signal, window = rand(2, 40, 1), floats(*np.hanning(16))
    check("STFT", signal, scalar(5), window, onesided=onesided, most=3, **LOOSE)
    check("STFT", signal, scalar(8), None, scalar(16), onesided=onesided, **LOOSE)


COLUMNS = {
    "plain": ((2, 6, 9), (4, 5), (2, 3), {}),
    "strides": ((1, 9, 4), (5, 5), (3, 3), {"strides": [2, 2]}),
    "pads": ((1, 12, 16), (5, 5), (2, 3), {"pads": [0, 1, 0, 0]}),
    "dilations": ((1, 4, 5), (6, 6), (2, 2), {"dilations": [1, 5]}),
    "three axes": ((1, 10, 12), (3, 4, 5), (1, 1, 5), {}),
}


@pytest.mark.parametrize("case", COLUMNS)
def test_image_of_columns(case):
    shape, image, block, attributes = COLUMNS[case]
    check("Col2Im", rand(*shape), ints(*image), ints(*block), **attributes)


@pytest.mark.parametrize("corners", [0, 1])
@pytest.mark.parametrize("size", [(2, 3, 5, 6), (2, 3, 4, 5, 6)], ids=["image", "volume"])
def test_affine_grid(corners, size):
    axes = len(size) - 2
    check("AffineGrid", rand(2, axes, axes + 1), ints(*size), opset=20, align_corners=corners)


@pytest.mark.parametrize("mode", ["half_pixel", "output_half_pixel"])
def test_mean_of_regions(mode):
    regions = np.array([[0, 0, 5, 5], [2, 3, 8, 6], [-3, -3, 12, 9], [4, 4, 4.2, 4.2]], np.float32)
    options = {"output_height": 3, "output_width": 2, "sampling_ratio": 2, "spatial_scale": 0.8}
    check("RoiAlign", rand(2, 3, 7, 9), regions, np.array([0, 1, 0, 1]), coordinate_transformation_mode=mode, **options)


@pytest.mark.parametrize(("message", "options"), [("mode=max", {"mode": "max"}), ("sampling_ratio=0", {})])
def test_regions_of_other_kinds_are_refused(message, options):
    options = {"sampling_ratio": 0 if "ratio" in message else 2, **options}
    inputs = (rand(1, 3, 7, 9), rand(2, 4), np.array([0, 0]))
    model, fed = single_node("RoiAlign", inputs, options, 18, 1)
    with pytest.raises(UnsupportedError, match=message):
        imported(model, fed)


@pytest.mark.parametrize("mode", ["linear", "circular"])
def test_cache(mode):
    cache, update = rand(2, 3, 5, 4), rand(2, 3, 2, 4, seed=9)
    first = np.array([1, 4 if mode == "circular" else 3])
    expected = cache.copy()
    for batch, begin in enumerate(first):
        expected[batch][:, [begin, (begin + 1) % 5]] = update[batch]
    check("TensorScatter", cache, update, first, opset=24, expected=[expected], mode=mode)


@pytest.mark.parametrize("mode", ["TF", "IDF", "TFIDF"])
@pytest.mark.parametrize("skipped", [0, 2])
def test_counted_sequences(mode, skipped):
    x = np.array([[1, 1, 3, 3, 3, 7], [8, 6, 7, 5, 6, 8]], np.int64)
    pool = {
        "ngram_counts": [0, 4],
        "ngram_indexes": [0, 1, 2, 3, 4, 6, 5],
        "pool_int64s": [2, 3, 5, 4, 5, 6, 7, 8, 6, 7],
    }
    weights = {} if mode == "TF" else {"weights": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]}
    check(
        "TfIdfVectorizer", x, mode=mode, min_gram_length=1, max_gram_length=2, max_skip_count=skipped, **pool, **weights
    )
