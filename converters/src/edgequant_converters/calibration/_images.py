"""A folder of images as samples, with preprocessing that is stated, not guessed."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from edgequant_converters._errors import CalibrationError, UnsupportedError
from edgequant_converters._extras import how_to_install

from ._fit import InputFit

if TYPE_CHECKING:
    from PIL import Image

IMAGE_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")

Layout = Literal["auto", "nhwc", "nchw"]
Color = Literal["rgb", "bgr", "gray"]
Resize = Literal["stretch", "crop", "letterbox"]


@dataclass(frozen=True, slots=True)
class ImagePreprocessing:
    """How an image file becomes an input array.

    The image is decoded to 8 bits per channel (`color`; alpha is dropped, EXIF rotation is ignored, as torchvision and
    Keras do; grey values of 16 bits or floats are kept as they are for `color` gray), resized with Pillow's antialiased
    bilinear filter to `size` = (height, width) in pixels, and then each channel is (pixel * `scale` - `mean`) / `std`,
    computed in float32 with pixel in 0..255.

    `mean` and `std` are one number, or one per channel in the order of `color`, in units of pixel * scale: with the
    default scale of 1/255 the usual ImageNet figures (0.485, 0.456, 0.406), (0.229, 0.224, 0.225) fit as they are.
    `layout`: "nhwc" has the channels last, "nchw" first; "auto" is what the model takes, the last where both fit.
    `resize`: "stretch" ignores the aspect ratio; "crop" scales until the image covers `size` and cuts out its centre;
    "letterbox" scales until it fits into `size` and fills the bars beside it with the grey `fill`, 0 to 255.
    Raises CalibrationError for values out of range.
    """

    size: tuple[int, int]
    scale: float = 1 / 255
    mean: float | tuple[float, ...] = 0.0
    std: float | tuple[float, ...] = 1.0
    layout: Layout = "auto"
    color: Color = "rgb"
    resize: Resize = "stretch"
    fill: int = 114

    def __post_init__(self) -> None:
        _require(len(self.size) == 2 and all(n > 0 for n in self.size), "size must be two positive numbers of pixels")
        for name, choices in (("layout", Layout), ("color", Color), ("resize", Resize)):
            allowed = get_args(choices)
            _require(getattr(self, name) in allowed, f"{name} must be one of {', '.join(allowed)}")
        for name in ("mean", "std"):
            values = np.atleast_1d(getattr(self, name))
            _require(len(values) in (1, self.channels), f"{name} needs one number or {self.channels}")
            _require(bool(np.isfinite(values).all()), f"{name} must be finite")
        _require(bool(np.isfinite(self.scale)) and self.scale != 0, "scale must be a number other than 0")
        _require(bool(np.all(np.atleast_1d(self.std) > 0)), "std must be above 0")
        _require(0 <= self.fill <= 255, "fill must be from 0 to 255")

    @property
    def channels(self) -> int:
        """1 for gray, else 3."""
        return 1 if self.color == "gray" else 3

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of one sample, in the order of `layout`; channels last while that is "auto"."""
        height, width = self.size
        return (self.channels, height, width) if self.layout == "nchw" else (height, width, self.channels)

    @classmethod
    def parse(cls, text: str) -> "ImagePreprocessing":
        """Read `"size=224x224 scale=1/255 mean=0.485,0.456,0.406 std=1 layout=nchw color=rgb resize=crop"`.

        Settings are separated by spaces, size is HEIGHTxWIDTH, and all but size may be left out. Raises
        CalibrationError for anything else.
        """
        known = {field.name for field in fields(cls)}
        settings: dict[str, Any] = {}
        for word in text.split():
            name, _, value = word.partition("=")
            _require(name in known and bool(value), f"'{word}' is not NAME=VALUE with a name out of {_listed(known)}")
            _require(name not in settings, f"{name} is given twice")
            settings[name] = _parse_setting(name, value)
        _require("size" in settings, "size is missing; write for example size=224x224")
        return cls(**settings)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON values."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    def apply(self, image: "Image.Image") -> NDArray[np.float32]:
        """Turn a decoded image into one sample of `shape`, float32."""
        height, width = self.size
        decoded = self._decoded(image)
        pixels = np.asarray(self._fitted(decoded), np.float32).reshape(height, width, self.channels)
        if self.color == "bgr":
            pixels = pixels[:, :, ::-1]
        mean, std = np.asarray(self.mean, np.float32), np.asarray(self.std, np.float32)
        values = (pixels * np.float32(self.scale) - mean) / std
        return np.ascontiguousarray(values.transpose(2, 0, 1) if self.layout == "nchw" else values)

    def _decoded(self, image: "Image.Image") -> "Image.Image":
        if image.mode.startswith(("I", "F")):  # 16 bits or floats: a thermal camera's, a depth sensor's
            if self.color != "gray":
                raise ValueError(f"its pixels are grey, of mode {image.mode}: say color=gray")
            return image.convert("F")
        return image.convert("L" if self.color == "gray" else "RGB")

    def _fitted(self, image: "Image.Image") -> "Image.Image":
        from PIL import Image, ImageOps

        height, width = self.size
        if self.resize == "crop":
            return ImageOps.fit(image, (width, height), Image.Resampling.BILINEAR)
        if self.resize == "stretch":
            return image.resize((width, height), Image.Resampling.BILINEAR)
        factor = min(width / image.width, height / image.height)
        inner = max(round(image.width * factor), 1), max(round(image.height * factor), 1)
        boxed = Image.new(image.mode, (width, height), (self.fill,) * 3 if image.mode == "RGB" else self.fill)
        boxed.paste(image.resize(inner, Image.Resampling.BILINEAR), ((width - inner[0]) // 2, (height - inner[1]) // 2))
        return boxed


class ImageFolder:
    """One image, or those of a folder and its sub-folders by their sorted paths; one is in memory at a time."""

    def __init__(self, folder: Path, fits: Sequence[InputFit], images: ImagePreprocessing | None) -> None:
        if images is None:
            raise CalibrationError(
                f"{folder.name} holds images: say how its images become inputs (their size at least)."
            )
        if len(fits) != 1:
            raise CalibrationError(f"A folder of images feeds one input, but the model has {len(fits)}: use a .npz.")
        _import_pillow()
        fits[0].check_dtype(np.dtype(np.float32))
        images = _laid_out(images, fits[0])
        fits[0].check_shape(images.shape)
        self._name, self._images = fits[0].spec.name, images
        found = [folder] if folder.is_file() else folder.rglob("*")
        self._files = sorted(p for p in found if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())
        if not self._files:
            raise CalibrationError(f"{folder.name} holds no images ({', '.join(IMAGE_SUFFIXES)}).")
        self.count = len(self._files)

    def __iter__(self) -> Iterator[Mapping[str, NDArray[np.float32]]]:
        for path in self._files:
            yield {self._name: self._read(path)}

    def _read(self, path: Path) -> NDArray[np.float32]:
        from PIL import Image

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                with Image.open(path) as image:
                    return self._images.apply(image)
        except Exception as error:  # decoders raise OSError, SyntaxError, struct.error, and more
            raise CalibrationError(f"The image {path.name} cannot be used: {error}; repair or remove it.") from error


def _laid_out(images: ImagePreprocessing, fit: InputFit) -> ImagePreprocessing:
    """Return it in the layout that the model takes, unless one is stated; as it is where none fits."""
    choices = [replace(images, layout=layout) for layout in ("nhwc", "nchw")] if images.layout == "auto" else []
    return next((choice for choice in choices if fit.accepts(choice.shape)), images)


def _import_pillow() -> None:
    try:
        import PIL.Image  # noqa: F401
    except ImportError as error:
        raise UnsupportedError(f"Images need Pillow: {how_to_install('images')}") from error


def _parse_setting(name: str, value: str) -> Any:
    try:
        if name == "size":
            return tuple(int(n) for n in value.lower().split("x"))
        if name == "scale":
            return _number(value)
        if name == "fill":
            return int(value)
        if name in ("mean", "std"):
            numbers = tuple(_number(n) for n in value.split(","))
            return numbers[0] if len(numbers) == 1 else numbers
    except (ValueError, ZeroDivisionError) as error:
        raise CalibrationError(f"Image preprocessing: {name}={value} cannot be read as numbers.") from error
    return value.lower()


def _number(text: str) -> float:
    """Read "0.5" or "1/127.5"."""
    numerator, _, denominator = text.partition("/")
    return float(numerator) / float(denominator) if denominator else float(numerator)


def _require(fact: bool, sentence: str) -> None:
    if not fact:
        raise CalibrationError(f"Image preprocessing: {sentence}.")


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))
