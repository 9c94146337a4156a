"""Whatever text comes in, a device or a DeviceCheckError comes out."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from edgequant_device_checks import Device, DeviceCheckError, from_bytes, from_text, recommend, summary
from edgequant_device_checks._lscpu_labels import ENGLISH
from edgequant_device_checks._sections import collector_script

CPUINFO = ["processor", "Processor", "Features", "CPU part", "CPU implementer", "CPU variant", "model name"]
SECTIONS = re.findall(r"^section (\w+)$", collector_script(), re.MULTILINE)
FIXTURES = sorted((Path(__file__).parent / "fixtures").iterdir())

LABELS = st.sampled_from([*ENGLISH, "Markierungen", "Drapeaux", "L1d cache", "L2", *CPUINFO])
VALUES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["aarch64", "armv7l", "x86_64", "-", "0xd08", "0x" + "f" * 9, "r0p3", "9" * 40, "32K", "1 MiB (0 instances)"]
    ),
    st.sampled_from(["fp asimd cpuid", "half thumb neon", "fpu lm sse2", "٣", "²"]),
)
LINES = st.lists(st.tuples(LABELS, st.sampled_from([":", " : ", "：", "\t: ", ""]), VALUES), max_size=12)
JSON = st.recursive(
    st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.fixed_dictionaries({}, optional={"lscpu": inner, "field": st.one_of(LABELS, inner), "data": VALUES}),
        st.fixed_dictionaries({"field": LABELS, "data": VALUES, "children": inner}),
    ),
    max_leaves=12,
)


def check(text: str) -> None:
    with suppress(DeviceCheckError):
        device = from_text(text)
        assert isinstance(device, Device)
        assert device.word_size in (None, 32, 64)
        assert device.capabilities["bf16"] == (device.is_arm and "bf16" in device.features)
        json.dumps(summary(device, recommend(device)), allow_nan=False)


@given(st.text(max_size=200))
@example("@@edgequant uname@@\n\n@@edgequant end@@")
@example("processor: ²\nCPU part: 0xd08")
def test_any_text(text: str) -> None:
    check(text)


@given(LINES)
@settings(max_examples=300)
def test_lines_of_known_labels(lines: list[tuple[str, str, str]]) -> None:
    check("\n".join("".join(line) for line in lines))


@given(JSON)
@settings(max_examples=200)
def test_any_json(document: object) -> None:
    check(json.dumps(document))
    check(json.dumps({"lscpu": document}))


@given(st.binary(max_size=100))
def test_any_bytes(data: bytes) -> None:
    with suppress(DeviceCheckError):
        from_bytes(data)


@given(st.sampled_from(FIXTURES), st.data())
@settings(max_examples=200)
def test_damaged_fixtures(path: Path, data: st.DataObject) -> None:
    content = path.read_bytes()
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, len(content)))
    with suppress(DeviceCheckError):
        from_bytes(content[:start] + data.draw(st.binary(max_size=8)) + content[end:])


@given(
    st.dictionaries(
        st.sampled_from(SECTIONS),
        VALUES,
    )
)
def test_any_sections(sections: dict[str, str]) -> None:
    check("".join(f"@@edgequant {name}@@\n{text}\n" for name, text in sections.items()))
