"""The engine's table of operators: made from the lines of their files, with the schema's numbers."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from ai_edge_litert import schema_py_generated as schema

CSRC = Path(__file__).parents[2] / "csrc"


def numbers(enumeration: type) -> dict[str, int]:
    return {name: value for name, value in vars(enumeration).items() if not name.startswith("_")}


def test_codes_and_options_are_those_of_the_schema() -> None:
    text = (CSRC / "src" / "read" / "operator_codes.inc").read_text()
    lines = re.findall(r"^EQ_CODE\((\d+), (\w+), (\d+)\)$", text, re.M)
    assert {name: int(code) for code, name, _ in lines} == numbers(schema.BuiltinOperator)
    # Where the table of options has the operator's name, which most have, it is that one.
    options = {name.lower().removesuffix("options"): value for name, value in numbers(schema.BuiltinOptions).items()}
    named = {name: options.get(name.lower().replace("_", "")) for _, name, _ in lines}
    wrong = {name for _, name, table in lines if named[name] is not None and int(table) != named[name]}
    assert not wrong
    assert sum(value is not None for value in named.values()) > 80
    assert {int(table) for _, _, table in lines} <= set(options.values())


def make_table(folder: Path, text: str, *settings: str) -> subprocess.CompletedProcess[str]:
    """Run the script of the build on a folder with one file of operators."""
    cmake = shutil.which("cmake")
    if cmake is None:
        pytest.skip("needs cmake")
    (folder / "ops").mkdir(exist_ok=True)
    (folder / "ops" / "one.c").write_text(text)
    definitions = [f"-DFOLDER={folder / 'ops'}", f"-DOUTPUT={folder / 'operators.c'}", *settings]
    return subprocess.run(
        [cmake, *definitions, "-P", CSRC / "cmake" / "operators.cmake"], capture_output=True, text=True
    )


def test_a_family_is_left_out_by_its_folder(tmp_path: Path) -> None:
    (tmp_path / "ops" / "signal").mkdir(parents=True)
    (tmp_path / "ops" / "signal" / "two.c").write_text("EQ_OPERATOR(RFFT2D, eq_prepare_rfft_2d, FLOAT32);\n")
    assert make_table(tmp_path, "EQ_OPERATOR(ADD, eq_prepare_add, ANY);\n", "-DWITHOUT=signal").returncode == 0
    table = (tmp_path / "operators.c").read_text()
    assert "eq_prepare_add" in table and "eq_prepare_rfft_2d" not in table
    assert 'eq_left_out[] = "signal"' in table


def test_lines_become_rows(tmp_path: Path) -> None:
    lines = """
EQ_OPERATOR(SVDF, eq_prepare_svdf_s8, INT8, INT8, INT8);
EQ_OPERATOR(SVDF, eq_prepare_svdf_f32, FLOAT32);
EQ_CUSTOM_OPERATOR("Landmarks, [one]; two", eq_prepare_landmarks, ANY);
EQ_CUSTOM_OPERATOR("Four", eq_prepare_landmarks, INT8);
EQ_OPERATOR_FLOAT16(SVDF,
                    ABS);
"""
    assert make_table(tmp_path, lines).returncode == 0
    table = (tmp_path / "operators.c").read_text()
    rows = re.findall(r"^    (\{.*\}),$", table, re.M)
    assert rows == [
        "{EQ_OP_SVDF, 0, 2, {EQ_INT8, EQ_INT8, EQ_INT8}}",
        "{EQ_OP_SVDF, 0, 3, {EQ_FLOAT32, EQ_ANY, EQ_ANY}}",
        "{EQ_OP_CUSTOM, 0, 4, {EQ_ANY, EQ_ANY, EQ_ANY}}",
        "{EQ_OP_CUSTOM, 22, 4, {EQ_INT8, EQ_ANY, EQ_ANY}}",
    ]
    cases = re.findall(r"^    case (\d+):\n        return (\w+)\(plan, op\);$", table, re.M)
    assert "        return eq_prepare_widened(plan, op);\n" in table
    assert "eq_widened[] = {EQ_OP_SVDF, EQ_OP_ABS, -1};" in table
    assert cases == [("2", "eq_prepare_svdf_s8"), ("3", "eq_prepare_svdf_f32"), ("4", "eq_prepare_landmarks")]
    assert re.findall(r'^    ("[^"]+" "\\0")', table, re.M) == [r'"Landmarks, [one]; two" "\0"', r'"Four" "\0"']


@pytest.mark.parametrize(
    ("setting", "kept", "absent"),
    [
        ("-DWITHOUT=FLOAT32,INT16", ["eq_conv_s8", "eq_quantize", "eq_pad", "eq_custom"], "FLOAT32, INT16"),
        ("-DONLY=PAD,Custom", ["eq_pad", "eq_custom"], "all but 2 operators"),
        ("-DWITHOUT=", ["eq_conv_s8", "eq_conv_f32", "eq_dynamic", "eq_quantize", "eq_pad", "eq_custom"], ""),
    ],
    ids=["types", "operators", "nothing"],
)
def test_a_build_may_leave_lines_out(tmp_path: Path, setting: str, kept: list[str], absent: str) -> None:
    lines = """
EQ_OPERATOR(CONV_2D, eq_conv_s8, INT8, INT8);
EQ_OPERATOR(CONV_2D, eq_conv_f32, FLOAT32, FLOAT32);
EQ_OPERATOR(CONV_2D, eq_dynamic, FLOAT32, INT8);
EQ_OPERATOR(QUANTIZE, eq_quantize, FLOAT32);
EQ_OPERATOR(PAD, eq_pad, ANY);
EQ_CUSTOM_OPERATOR("Custom", eq_custom, ANY);
"""
    assert make_table(tmp_path, lines, setting).returncode == 0
    table = (tmp_path / "operators.c").read_text()
    assert re.findall(r"^        return (\w+)\(plan, op\);$", table, re.M)[:-1] == kept
    assert f'eq_left_out[] = "{absent}";' in table


def test_an_operator_that_there_is_not_ends_the_build(tmp_path: Path) -> None:
    done = make_table(tmp_path, "EQ_OPERATOR(PAD, eq_pad, ANY);", "-DONLY=PAD,CONV2D")
    assert done.returncode != 0
    assert "the engine has no CONV2D" in done.stderr


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("EQ_OPERATOR(SVDF, eq_prepare_svdf);", "not on one line"),
        ("EQ_OPERATOR(SVDF, eq_prepare_svdf,\n            INT8);", "not on one line"),
        ("EQ_OPERATOR(SVDF, eq_one, INT8);\nEQ_OPERATOR(SVDF, eq_two, INT8);", "another line has the same"),
    ],
    ids=["no types", "two lines", "the same twice"],
)
def test_a_line_that_is_none_ends_the_build(tmp_path: Path, lines: str, message: str) -> None:
    done = make_table(tmp_path, lines)
    assert done.returncode != 0
    assert message in " ".join(done.stderr.split())
    assert not (tmp_path / "operators.c").exists()
