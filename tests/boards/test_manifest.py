"""manifest.json: written in one way, read from anybody."""

import json
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edgequant._bundle import BundleError, DamagedBundleError, Manifest
from edgequant._bundle._manifest import FileEntry, Golden, ModelEntry, Output, RunnerEntry, TaskEntry, TensorFile, Wheel
from edgequant._bundle._manifest_json import MAX_BYTES, READERS, SCHEMA, manifest_bytes, read_manifest

DIGEST = "0123456789abcdef" * 4


def tensor(name: str, path: str, dtype: str = "int8") -> TensorFile:
    return TensorFile(name, path, dtype, (1, 4), DIGEST)


def manifest(**changes: Any) -> Manifest:
    goldens = ["goldens/0/input-0.npy", "goldens/0/output-0.npy"]
    golden = Golden("random", (tensor("in", goldens[0]),), (tensor("out", goldens[1]),))
    paths = ["README.md", "edgequant-run", *goldens, "model.tflite", "smoke.sh"]
    executables = ("edgequant-run", "smoke.sh")
    files = [FileEntry(path, DIGEST, 144, 0o755 if path in executables else 0o644) for path in paths]
    whole = Manifest(
        edgequant="0.1.0",
        target="rpi4",
        os=None,
        model=ModelEntry("model.tflite", "int8", "native", ("CONV_2D",), 12, 1_058_901),
        runner=RunnerEntry("edgequant-run", "0.1.0", "aarch64", ()),
        wheels=(),
        outputs=(Output("out", 0.0),),
        goldens=(golden,),
        files=tuple(files),
        source_sha256=DIGEST,
        conversion={"sqnr_db": 31.5, "warnings": ["é"], "float_ops": []},
    )
    return replace(whole, **changes)


def document() -> dict[str, Any]:
    return json.loads(manifest_bytes(manifest()))


def as_written(changed: Any) -> bytes:
    return (json.dumps(changed, indent=2, sort_keys=True) + "\n").encode()


def test_it_is_read_as_it_was_written() -> None:
    assert read_manifest(manifest_bytes(manifest())) == manifest()


def test_it_is_written_in_one_way_with_every_key() -> None:
    content = manifest_bytes(manifest())
    assert content == as_written(document())
    assert document().keys() == {"schema", *(field.name for field in fields(Manifest))}
    assert document()["schema"] == 3


@pytest.mark.parametrize(
    "kind",
    [FileEntry, Golden, Manifest, ModelEntry, Output, RunnerEntry, TaskEntry, TensorFile, Wheel],
    ids=lambda kind: kind.__name__,
)
def test_the_specification_names_every_key(kind: type) -> None:
    page = (Path(__file__).parents[2] / "docs" / "bundle.md").read_text(encoding="utf-8")
    specification = page.split("### manifest.json")[1].split("## Goldens")[0]
    words = set(re.findall(r"\w+", "".join(re.findall(r"`[^`]+`", specification))))
    assert {field.name for field in fields(kind)} <= words  # type: ignore[arg-type]


@pytest.mark.parametrize("key", [field.name for field in fields(Manifest)])
def test_a_missing_key_is_named(key: str) -> None:
    changed = document()
    del changed[key]
    with pytest.raises(DamagedBundleError, match=rf"manifest\.json has no {key}\."):
        read_manifest(as_written(changed))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda d: d["model"].pop("engine"), "has no model.engine."),
        (lambda d: d["goldens"][0]["inputs"][0].update(shape=4), "has goldens[0].inputs[0].shape that is not a list."),
        (lambda d: d["files"][2].update(bytes=True), "has files[2].bytes that is not a whole number."),
        (lambda d: d["outputs"][0].update(tolerance="0"), "has outputs[0].tolerance that is not a number."),
        (lambda d: d.update(target=None), "has target that is not text."),
        (lambda d: d.update(conversion=[]), "has conversion that is not an object."),
        (lambda d: d.update(runner=None), "must have either a runner or wheels."),
        (lambda d: d.pop("schema"), "has no schema version: this is no manifest of edgequant."),
        (lambda d: d.update(schema=0), "has schema 0, which there is not."),
        (lambda d: d.update(schema=True), "has no schema version: this is no manifest of edgequant."),
        (lambda d: d["files"].reverse(), "has files twice or not in their order."),
        (lambda d: d["files"].append(d["files"][-1]), "has files twice or not in their order."),
        (lambda d: d["files"][1].update(mode=0o4755), "has permissions of edgequant-run that cannot be."),
        (lambda d: d["files"][1].update(mode=0o644), "has permissions of edgequant-run that cannot be."),
        (lambda d: d["files"][0].update(mode=0o755), "has permissions of README.md that cannot be."),
        (lambda d: d["files"][0].update(bytes=-1), "has files[0].bytes that is negative or too large."),
        (lambda d: d["model"].update(memory_bytes=10**400), "has model.memory_bytes that is negative or too large."),
        (lambda d: d["model"].update(memory_bytes=2**63), "has model.memory_bytes that is negative or too large."),
        (lambda d: d["model"].update(macs=-1), "has model.macs that is negative or too large."),
        (lambda d: d["files"][0].update(sha256=DIGEST.upper()), "has no SHA-256 for README.md."),
        (lambda d: d["files"].pop(4), "names 'model.tflite', but does not list it."),
        (lambda d: d["files"].pop(0), "names 'README.md', but does not list it."),
        (lambda d: d["model"].update(path="smoke.sh"), "has a model that is neither model.tflite nor model.onnx."),
        (lambda d: d["runner"].update(path="smoke.sh"), "has a runner that is not edgequant-run."),
        (lambda d: d["model"].update(engine="litert"), "has the engine 'litert', which is not what it brings."),
        (lambda d: d.update(goldens=[]), "has no goldens or no outputs, so nothing could be proved with it."),
        (lambda d: d["outputs"][0].update(name="o"), "has other outputs in goldens[0] than the model."),
        (lambda d: d["outputs"][0].update(tolerance=-1.0), "has the tolerance -1 of 'out', which can be 0 at most."),
        (lambda d: d["goldens"][0]["inputs"][0].update(dtype="object"), "has a type, shape or digest of goldens/0/"),
        (
            lambda d: d["goldens"][0]["inputs"][0].update(shape=[-1]),
            "inputs[0].shape[0] that is negative or too",
        ),
        (lambda d: d["goldens"][0]["inputs"][0].update(shape=[2**62]), "has a type, shape or digest of goldens/0/"),
        (lambda d: d["goldens"][0]["inputs"][0].update(shape=[2**31, 0, 2**31]), "has a type, shape or digest of"),
        (lambda d: d["goldens"][0]["inputs"][0].update(shape=[1] * 33), "has a type, shape or digest of goldens/0/"),
        (lambda d: d["goldens"][0].update(kind="\x1b[2J"), r"has the kind '\x1b[2J' of a golden, which there is not."),
        (
            lambda d: d["goldens"].append(d["goldens"][0]),
            "'goldens/0/input-0.npy' in the place of goldens/1/",
        ),
        (lambda d: d["goldens"][0].update(inputs=d["goldens"][0]["inputs"] * 2), "has inputs or outputs of one name."),
        (lambda d: d["conversion"].update(a=1e300 * 1e300), "is no JSON."),
        (lambda d: d["conversion"].update(a=float("nan")), "is no JSON."),
    ],
)
def test_each_defect_has_its_sentence(change: Any, sentence: str) -> None:
    changed = document()
    change(changed)
    with pytest.raises(DamagedBundleError) as caught:
        read_manifest(as_written(changed))
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd", "../x", "a/../x", ".", "..", "a//b", "a/", "", "a b", "a\nb", "a\\b", "é", "manifest.json",
        "SHA256SUMS", "model.onnx", "wheels.txt", "goldens/0/input-1.npy", "goldens/1/input-0.npy", "./a", "-",
        "goldens",
    ],
)  # fmt: skip
def test_a_file_has_a_name_of_the_format(path: str) -> None:
    files = sorted([*manifest().files, FileEntry(path, DIGEST, 1, 0o644)], key=lambda entry: entry.path)
    with pytest.raises(DamagedBundleError, match="which a bundle may not have"):
        read_manifest(manifest_bytes(manifest(files=tuple(files))))


@pytest.mark.parametrize(
    ("engine", "number_format", "operators", "dtype", "most"),
    [
        ("native", "int8", ("CONV_2D",), "int8", 0.0),
        ("native", "int8", ("CONV_2D",), "float32", 0.0),
        ("native", "int8", ("CONV_2D", "SOFTMAX"), "int8", 1.0),
        ("native", "fp32", ("SOFTMAX",), "float32", 1e-5),
        ("litert", "int8", (), "int8", 1.0),
        ("litert", "int8", (), "float32", 0.1),
        ("onnxruntime", "fp32", (), "float32", 1e-3),
        ("onnxruntime", "fp32", (), "bool", 0.0),
    ],
)
def test_a_tolerance_is_at_most_what_is_given_out(
    engine: str, number_format: str, operators: tuple[str, ...], dtype: str, most: float
) -> None:
    golden = Golden("random", manifest().goldens[0].inputs, (tensor("out", "goldens/0/output-0.npy", dtype),))
    changes: dict[str, Any] = {"model": ModelEntry("model.tflite", number_format, engine, operators, 12, 1)}
    changes["goldens"] = (golden,)
    if engine != "native":
        wheels = [FileEntry(path, DIGEST, 1, 0o644) for path in ("smoke.py", "wheels.txt")]
        files = [*(entry for entry in manifest().files if entry.path != "edgequant-run"), *wheels]
        changes["files"] = tuple(sorted(files, key=lambda entry: entry.path))
        changes |= {"runner": None, "wheels": (Wheel("numpy", "2.5.5", "numpy-2.5.5.whl", DIGEST),)}
    whole = manifest(**changes, outputs=(Output("out", most),))
    assert read_manifest(manifest_bytes(whole)) == whole
    for tolerance in (most + 1e-6, 1e308):
        with pytest.raises(DamagedBundleError, match=rf"has the tolerance .* of 'out', which can be {most:g} at most"):
            read_manifest(manifest_bytes(replace(whole, outputs=(Output("out", tolerance),))))


def test_more_goldens_than_are_ever_made_are_refused() -> None:
    goldens = manifest().goldens * 1005
    with pytest.raises(BundleError, match="more than 1,004 goldens"):
        read_manifest(manifest_bytes(manifest(goldens=goldens)))


def test_every_schema_up_to_the_newest_has_a_reader() -> None:
    assert sorted(READERS) == list(range(1, SCHEMA + 1))


def test_a_later_schema_leaves_the_earlier_ones_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a version does that writes another schema: its own reader, and the earlier one beside it."""
    written, newest = manifest_bytes(manifest()), SCHEMA + 1

    def read_newest(document: dict[str, Any]) -> Manifest:
        return READERS[SCHEMA]({**document, "target": document["board"]["name"]})

    monkeypatch.setattr("edgequant._bundle._manifest_json.SCHEMA", newest)
    monkeypatch.setitem(READERS, newest, read_newest)
    later = document() | {"board": {"name": "rpi4"}}
    assert later["schema"] == newest
    del later["target"]
    assert read_manifest(as_written(later)) == manifest()
    assert read_manifest(written) == manifest()


def test_a_newer_schema_asks_for_an_update_and_is_no_damage() -> None:
    changed = document() | {"schema": 4, "something": "new"}
    with pytest.raises(BundleError, match="written by a newer edgequant: update edgequant") as caught:
        read_manifest(as_written(changed))
    assert not isinstance(caught.value, DamagedBundleError)


def test_more_than_a_bundle_may_hold_is_refused() -> None:
    files = tuple(replace(entry, bytes=MAX_BYTES // 5) for entry in manifest().files)
    with pytest.raises(BundleError, match="10,000 files or 4 GiB"):
        read_manifest(manifest_bytes(manifest(files=files)))


def test_a_manifest_with_wheels_needs_their_list_and_the_script() -> None:
    wheels = (Wheel("numpy", "2.5.5", "numpy-2.5.5.whl", DIGEST),)
    model, files = replace(manifest().model, engine="litert"), manifest().files
    files = tuple(entry for entry in files if entry.path != "edgequant-run")
    for needed in ("smoke.py", "wheels.txt"):
        with pytest.raises(DamagedBundleError, match=f"names '{needed}'"):
            read_manifest(manifest_bytes(manifest(model=model, files=files, runner=None, wheels=wheels)))
        files = (*files, FileEntry(needed, DIGEST, 1, 0o644))


@pytest.mark.parametrize("indent", [None, 1])
def test_another_form_of_the_same_is_read(indent: int | None) -> None:
    content = json.dumps(document(), indent=indent).encode()
    assert content != manifest_bytes(manifest())
    assert read_manifest(content) == manifest()


def test_keys_that_a_later_version_added_are_left_out() -> None:
    changed = document()
    for place in (changed, changed["runner"], changed["goldens"][0]["inputs"][0], changed["files"][0]):
        place["something"] = {"new": [1]}
    assert read_manifest(as_written(changed)) == manifest()


def test_keys_that_come_twice_are_refused() -> None:
    content = manifest_bytes(manifest()).replace(b'"target": "rpi4"', b'"target": "rpi5",\n  "target": "rpi4"')
    with pytest.raises(DamagedBundleError, match="is no JSON"):
        read_manifest(content)


@pytest.mark.parametrize("depth", [200, 500, 100_000])
def test_deep_nesting_is_read_or_a_sentence(depth: int) -> None:
    nested = b'"conversion": ' + b'{"a": ' * depth + b"1" + b"}" * depth
    content = manifest_bytes(manifest(conversion=None)).replace(b'"conversion": null', nested)
    if depth < 1000:
        assert read_manifest(content).conversion is not None
        return
    with pytest.raises(DamagedBundleError):
        read_manifest(content)


def test_a_number_of_thousands_of_digits_is_refused() -> None:
    with pytest.raises(DamagedBundleError, match="is no JSON"):
        read_manifest(b"1" * 5001)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
@example({"schema": 1})
def test_any_json_is_refused_in_a_sentence(value: Any) -> None:
    content = json.dumps(value).encode()
    with pytest.raises(BundleError) as caught:
        read_manifest(content)
    assert str(caught.value).endswith(".")


PLACES = [("target",), ("runner",), ("wheels",), ("files", 0, "path"), ("files", 1, "bytes"), ("model", "operators")]
PLACES += [
    ("goldens", 0, "outputs"),
    ("goldens", 0, "inputs", 0, "shape"),
    ("outputs", 0, "tolerance"),
    ("conversion",),
]


@given(st.sampled_from(PLACES), JSON)
def test_any_value_anywhere_is_read_or_refused(place: tuple[Any, ...], value: Any) -> None:
    changed = document()
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    try:
        read = read_manifest(as_written(changed))
        assert read_manifest(manifest_bytes(read)) == read
    except BundleError as error:
        assert str(error).startswith("manifest.json ")


@given(st.integers(0, len(manifest_bytes(manifest())) - 1), st.integers(1, 255))
def test_any_changed_byte_is_read_as_it_is_or_refused(place: int, mask: int) -> None:
    content = bytearray(manifest_bytes(manifest()))
    content[place] ^= mask
    try:
        read = read_manifest(bytes(content))
        assert read_manifest(manifest_bytes(read)) == read
    except BundleError as error:
        assert str(error).startswith("manifest.json ")


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(DamagedBundleError):
        read_manifest(content)
