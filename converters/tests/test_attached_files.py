"""Files that a .tflite carries behind the model, such as labels, are in what it is converted to."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from edgequant_converters import SourceError, convert
from edgequant_converters.tflite import _attached, attached_files

FLOAT = Path(__file__).parents[2] / "runtime" / "tests" / "models" / "float.tflite"
DATA = np.random.default_rng(0).normal(size=(16, 1, 4)).astype(np.float32)


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    path = tmp_path / "labelled.tflite"
    path.write_bytes(FLOAT.read_bytes())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "cat\ndog\n")
    return path


@pytest.mark.parametrize("quantize", ["fp32", "int8"])
def test_labels_are_kept_and_the_bytes_do_not_depend_on_the_time(labelled: Path, tmp_path: Path, quantize: str) -> None:
    plain, kept, again = (tmp_path / f"{name}.tflite" for name in ("plain", "kept", "again"))
    for source, output in ((FLOAT, plain), (labelled, kept), (labelled, again)):
        convert(source, output, quantize=quantize, calibration=DATA if quantize == "int8" else None)
    assert not zipfile.is_zipfile(plain)
    assert (attached_files(plain), attached_files(kept)) == ((), ("labels.txt",))
    assert kept.read_bytes().startswith(plain.read_bytes())
    assert kept.read_bytes() == again.read_bytes()
    with zipfile.ZipFile(kept) as archive:
        assert {info.filename: archive.read(info) for info in archive.infolist()} == {"labels.txt": b"cat\ndog\n"}
    assert not list(tmp_path.glob(".*"))


def test_a_damaged_archive_is_a_sentence(labelled: Path, tmp_path: Path) -> None:
    content = bytearray(labelled.read_bytes())
    content[content.index(b"cat\ndog\n")] ^= 1  # its checksum no longer holds
    labelled.write_bytes(content)
    with pytest.raises(SourceError, match=r"labelled\.tflite carries files, such as labels, in a damaged archive"):
        convert(labelled, tmp_path / "out.tflite")
    assert not (tmp_path / "out.tflite").exists()


def test_an_archive_that_grows_too_large_is_refused(
    labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_attached, "MOST_BYTES", 7)
    with pytest.raises(SourceError, match="keep them beside the model"):
        convert(labelled, tmp_path / "out.tflite")
