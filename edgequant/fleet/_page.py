"""A run as a page, as JSON and as JUnit XML."""

import json
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

from edgequant_converters import replacing

from edgequant import __version__
from edgequant._pages import write_page
from edgequant._smoke import xml_text

from ._run import BoardState, FleetRun


def write_json(path: Path, run: FleetRun) -> None:
    """Write the JSON in one step; raises OutputError."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(run.to_dict(), indent=2, allow_nan=False) + "\n", encoding="utf-8")


def write_html(path: Path, run: FleetRun) -> None:
    """Write the page in one step; raises OutputError."""
    failures: dict[str, list[str]] = defaultdict(list)
    for board in run.in_order:
        if board.sentence and board.is_bad:
            failures[_without_names(board)].append(board.board)
    write_page(path, __package__, {"run": run, "failures": failures, "version": __version__})


def _without_names(board: BoardState) -> str:
    """Return a board's sentence without what it is called, so that equal ones are told once."""
    return board.sentence.replace(board.board, "the board")


def write_junit(path: Path, run: FleetRun) -> None:
    """Write JUnit XML in one step, a case for each board; raises OutputError."""
    cases = [_case(board) for board in run.in_order]
    kinds = {"failures": "failure", "skipped": "skipped"}
    counts = {plural: str(sum(case.find(kind) is not None for case in cases)) for plural, kind in kinds.items()}
    attributes = {"name": xml_text(run.title), "tests": str(len(cases)), "errors": "0", **counts}
    attributes |= {"time": f"{run.seconds:.3f}", "timestamp": f"{run.started:%Y-%m-%dT%H:%M:%S}"}
    suite = ElementTree.Element("testsuite", attributes)
    suite.extend(cases)
    suites = ElementTree.Element("testsuites", {"name": "edgequant fleet"})
    suites.append(suite)
    ElementTree.indent(suites)
    with replacing(path) as temporary:
        ElementTree.ElementTree(suites).write(temporary, encoding="utf-8", xml_declaration=True)


def _case(board: BoardState) -> ElementTree.Element:
    name = xml_text(board.board)
    attributes = {"classname": "edgequant fleet", "name": name, "time": f"{board.seconds:.3f}"}
    case = ElementTree.Element("testcase", attributes)
    if board.state == "untouched":
        ElementTree.SubElement(case, "skipped", {"message": "untouched: the run stopped before it"})
    elif board.is_bad:
        told = xml_text(f"{board.state}: {board.sentence}")
        ElementTree.SubElement(case, "failure", {"message": told, "type": board.state}).text = told
    return case
