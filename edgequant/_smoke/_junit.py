"""The result as JUnit XML, as Jenkins, GitLab, GitHub and Azure read it.

One test case for the device and its probe, then one for each output of each golden. A difference is a <failure>; what
kept the test from running is an <error> of the first case without a result, and the cases after that one are <skipped>;
if all have one, it is an <error> of a last case, `end of the test`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

from edgequant_converters import replacing

from ._result import GoldenResult, SmokeResult, threads_in_words


def write_junit(path: Path, result: SmokeResult) -> None:
    """Write the file in one step; raises OutputError."""
    cases = list(_cases(result))
    kinds = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    counts = {"tests": str(len(cases))}
    counts |= {plural: str(sum(case.find(kind) is not None for case in cases)) for plural, kind in kinds.items()}
    suite = ElementTree.Element(
        "testsuite",
        {
            "name": xml_text(f"edgequant smoke {result.name} on {result.computer}"),
            **counts,
            "time": f"{result.seconds:.3f}",
            "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
            "hostname": xml_text(result.computer),
            "id": "0",
            "package": "edgequant smoke",
        },
    )
    suite.extend(cases)
    ElementTree.SubElement(suite, "system-out").text = xml_text("\n".join(result.sentences))
    suites = ElementTree.Element("testsuites", {"name": "edgequant smoke"})
    suites.append(suite)
    ElementTree.indent(suites)
    with replacing(path) as temporary:
        ElementTree.ElementTree(suites).write(temporary, encoding="utf-8", xml_declaration=True)


def _cases(result: SmokeResult) -> Iterator[ElementTree.Element]:
    error = result.error
    checked = result.probe is not None or bool(result.goldens)
    case = _case(result, "device", 0.0)
    if checked:
        ElementTree.SubElement(case, "system-out").text = xml_text("\n".join(check.sentence for check in result.checks))
    elif error is not None:
        _say(case, "error", error)
        error = None
    yield case
    ran = {golden.number: golden for golden in result.goldens}
    for number, golden in enumerate(result.manifest.goldens if result.manifest else ()):
        for index, output in enumerate(golden.outputs):
            name = f"golden {number} ({golden.kind}), output {index}: {output.name}"
            if number in ran:
                yield _golden_case(result, name, ran[number], index)
                continue
            case = _case(result, name, 0.0)
            _say(case, "skipped" if error is None else "error", error or "not run: see the error")
            error = None
            yield case
    if error is not None:
        case = _case(result, "end of the test", 0.0)
        _say(case, "error", error)
        yield case


def _golden_case(result: SmokeResult, name: str, golden: GoldenResult, index: int) -> ElementTree.Element:
    case = _case(result, name, sum(run.seconds for run in golden.runs) / len(golden.runs[0].outputs))
    found = [(run.threads, run.outputs[index]) for run in golden.runs]
    different = [
        f"with {threads_in_words([n])}: {output.detail}" for n, output in found if output.status == "different"
    ]
    if different:
        _say(case, "failure", "; ".join(different))
    near = [
        f"with {threads_in_words([n])}: {output.detail}" for n, output in found if output.status == "within tolerance"
    ]
    if near:
        ElementTree.SubElement(case, "system-out").text = xml_text(
            "\n".join(f"within tolerance {line}" for line in near)
        )
    return case


def _case(result: SmokeResult, name: str, seconds: float) -> ElementTree.Element:
    """Return a case. GitLab takes class name and name for its key, Jenkins the last dot for the end of a package."""
    place = f"{result.name} on {result.computer}".replace(".", "_")
    attributes = {"classname": xml_text(f"edgequant smoke.{place}"), "name": xml_text(name), "time": f"{seconds:.3f}"}
    return ElementTree.Element("testcase", attributes)


def _say(case: ElementTree.Element, kind: str, sentence: str) -> None:
    """Put the sentence where all readers find it: some show the attribute, some the text."""
    words = {"message": xml_text(sentence)}
    if kind != "skipped":
        words["type"] = "difference" if kind == "failure" else "could not run"
    ElementTree.SubElement(case, kind, words).text = None if kind == "skipped" else xml_text(sentence)


def xml_text(text: str) -> str:
    """Replace what XML 1.0 cannot hold: control characters, halves of surrogate pairs, two last code points."""
    return "".join(c if c in "\n\t" or _is_xml(ord(c)) else "\N{REPLACEMENT CHARACTER}" for c in text)


def _is_xml(code: int) -> bool:
    return 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000
