"""A folder of images, and the preprocessing stated for it."""

import sys

import numpy as np
import pytest
from edgequant_runtime import TensorInfo
from PIL import Image

from edgequant_converters import CalibrationError, UnsupportedError
from edgequant_converters.calibration import ImagePreprocessing, open_data


def spec(*shape: int) -> list[TensorInfo]:
    return [TensorInfo("image", shape, np.dtype(np.float32))]


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)


def test_the_formula_is_pixel_times_scale_less_mean_over_std(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "a.png")
    images = ImagePreprocessing(size=(6, 8), mean=(0.1, 0.2, 0.3), std=(0.5, 1.0, 2.0))
    (sample,) = open_data(tmp_path, spec(-1, 6, 8, 3), images=images)
    expected = (pixels / 255 - [0.1, 0.2, 0.3]) / [0.5, 1.0, 2.0]
    np.testing.assert_allclose(sample["image"][0], expected, rtol=1e-5, atol=1e-6)


def test_layout_and_color_say_where_the_channels_are(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "a.png")
    images = ImagePreprocessing(size=(6, 8), scale=1.0, layout="nchw", color="bgr")
    (sample,) = open_data(tmp_path, spec(1, 3, 6, 8), images=images)
    np.testing.assert_array_equal(sample["image"][0], pixels[:, :, ::-1].transpose(2, 0, 1))
    gray = ImagePreprocessing(size=(6, 8), scale=1.0, color="gray")
    (sample,) = open_data(tmp_path, spec(1, 6, 8, 1), images=gray)
    np.testing.assert_array_equal(sample["image"][0, :, :, 0], np.asarray(Image.fromarray(pixels).convert("L")))


def test_crop_cuts_the_centre_and_stretch_keeps_all(tmp_path):
    striped = np.zeros((4, 12, 3), np.uint8)
    striped[:, 4:8] = 200
    Image.fromarray(striped).save(tmp_path / "a.png")
    crop = ImagePreprocessing(size=(4, 4), scale=1.0, resize="crop")
    (sample,) = open_data(tmp_path, spec(1, 4, 4, 3), images=crop)
    np.testing.assert_array_equal(sample["image"], np.full((1, 4, 4, 3), 200, np.float32))
    stretch = ImagePreprocessing(size=(4, 12), scale=1.0)
    (sample,) = open_data(tmp_path, spec(1, 4, 12, 3), images=stretch)
    np.testing.assert_array_equal(sample["image"][0], striped)


def test_a_letterbox_keeps_the_aspect_between_bars(tmp_path):
    Image.fromarray(np.full((4, 12, 3), 200, np.uint8)).save(tmp_path / "a.png")
    boxed = ImagePreprocessing.parse("size=6x6 scale=1 resize=letterbox fill=7")
    (sample,) = open_data(tmp_path / "a.png", spec(1, 6, 6, 3), images=boxed)
    np.testing.assert_array_equal(sample["image"][0, :, 0, 0], [7, 7, 200, 200, 7, 7])
    with pytest.raises(CalibrationError, match="fill must be from 0 to 255"):
        ImagePreprocessing(size=(6, 6), fill=300)


def test_grey_images_of_16_bits_keep_their_values(tmp_path):
    counts = np.random.default_rng(1).integers(20000, 26000, (6, 8)).astype(np.uint16)
    Image.fromarray(counts).save(tmp_path / "a.png")
    thermal = ImagePreprocessing(size=(6, 8), scale=1.0, color="gray")
    (sample,) = open_data(tmp_path, spec(1, 6, 8, 1), images=thermal)
    np.testing.assert_array_equal(sample["image"][0, :, :, 0], counts)


def test_files_come_sorted_with_sub_folders_and_others_ignored(tmp_path):
    for name, value in (("b/2.png", 2), ("a.bmp", 0), ("b/1.PNG", 1)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGBA", (2, 2), (value, value, value, 7)).save(tmp_path / name)
    (tmp_path / "labels.csv").write_text("x")
    data = open_data(tmp_path, spec(1, 2, 2, 3), images=ImagePreprocessing(size=(2, 2), scale=1))
    assert data.count == 3
    for _ in range(2):
        assert [float(s["image"].max()) for s in data] == [0.0, 1.0, 2.0]


def test_a_bad_image_is_named(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:60])
    with pytest.raises(CalibrationError, match=r"The image b\.png cannot be used"):
        list(open_data(tmp_path, spec(1, 2, 2, 3), images=ImagePreprocessing(size=(2, 2))))
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(tmp_path / "b.png")
    with pytest.raises(CalibrationError, match=r"b\.png .* say color=gray"):
        list(open_data(tmp_path, spec(1, 2, 2, 3), images=ImagePreprocessing(size=(2, 2))))


def test_a_decompression_bomb_is_refused(tmp_path, monkeypatch):
    Image.new("L", (64, 64)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 3000)
    with pytest.raises(CalibrationError, match="decompression bomb"):
        list(open_data(tmp_path, spec(1, 2, 2, 3), images=ImagePreprocessing(size=(2, 2))))


def test_folders_that_cannot_feed_the_model_are_refused(tmp_path):
    images = ImagePreprocessing(size=(2, 2))
    with pytest.raises(CalibrationError, match="say how its images become inputs"):
        open_data(tmp_path, spec(1, 2, 2, 3))
    with pytest.raises(CalibrationError, match="holds no images"):
        open_data(tmp_path, spec(1, 2, 2, 3), images=images)
    with pytest.raises(CalibrationError, match=r"\(2, 2, 3\), but the model takes \(8, 8, 3\)"):
        open_data(tmp_path, spec(1, 8, 8, 3), images=images)
    with pytest.raises(CalibrationError, match="feeds one input, but the model has 2"):
        open_data(tmp_path, spec(1, 2, 2, 3) * 2, images=images)
    with pytest.raises(CalibrationError, match="takes int8, but the data holds float32"):
        open_data(tmp_path, [TensorInfo("x", (1, 2, 2, 3), np.dtype(np.int8))], images=images)
    with pytest.raises(CalibrationError, match="but the data holds no images"):
        open_data(np.zeros((1, 2, 2, 3)), spec(1, 2, 2, 3), images=images)


def test_without_pillow_the_extra_to_install_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(UnsupportedError, match=r"need Pillow: in a checkout .*'\.\[images\]'$"):
        open_data(tmp_path, spec(1, 4, 4, 3), images=ImagePreprocessing(size=(4, 4)))


def test_settings_are_read_from_text_and_written_as_json_values():
    text = "size=224x192 scale=1/127.5 mean=1 std=0.229,0.224,0.225 layout=nchw color=bgr resize=crop"
    images = ImagePreprocessing.parse(text)
    assert images == ImagePreprocessing((224, 192), 1 / 127.5, 1.0, (0.229, 0.224, 0.225), "nchw", "bgr", "crop")
    assert images.to_dict() == {
        "size": [224, 192], "scale": 1 / 127.5, "mean": 1.0, "std": [0.229, 0.224, 0.225],
        "layout": "nchw", "color": "bgr", "resize": "crop", "fill": 114,
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["", "scale=1", "size", "size=224", "size=0x5", "size=axb", "size=2x2 mean=1,2", "size=2x2 std=0",
     "size=2x2 scale=0", "size=2x2 scale=1/0", "size=2x2 layout=chwn", "size=2x2 color=cmyk", "size=2x2 zoom=2",
     "size=2x2 mean=nan", "size=2x2 std=1,0,1", "size=1x2x3", "size=2x2 size=3x3"],
)  # fmt: skip
def test_unreadable_settings_are_refused(text):
    with pytest.raises(CalibrationError, match="Image preprocessing: "):
        ImagePreprocessing.parse(text)
