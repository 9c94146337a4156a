"""`edgequant formats`: the tables, a number to the last bit and digit, and what is refused."""

import contextlib
import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios

import pytest


def test_tables_list_every_format_and_who_has_it(cli):
    result = cli("formats")
    assert (result.exit_code, result.stderr) == (0, "")
    for name in ("fp64", "fp8-e4m3fn", "fp8-e5m2", "int4", "uint64", "q31"):
        assert sum(line.startswith(f" {name} ") for line in result.stdout.splitlines()) == 4
    assert "FLOAT8E4M3FN" in result.stdout and "asimddp" in result.stdout


def test_a_terminal_of_80_columns_shows_all_of_it():
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {**os.environ, "TERM": "dumb", "COLUMNS": "80"}
    command = [sys.executable, "-m", "edgequant", "formats"]
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        printed = b""
        with contextlib.suppress(OSError):  # what a terminal gives whose last writer is gone
            while piece := os.read(ours, 65536):
                printed += piece
    os.close(ours)
    assert process.returncode == 0
    lines = printed.decode().splitlines()
    assert max(map(len, lines)) <= 80
    assert any("FLOAT8_E4M3FN" in line for line in lines) and any("SQRDMLAH" in line for line in lines)


def test_json_has_the_documented_keys(cli):
    found = json.loads(cli("formats", "--json").stdout)["formats"]
    assert len(found) == 18
    assert list(found[0]) == [
        "name", "title", "kind", "bits", "sign_bits", "integer_bits", "exponent_bits", "fraction_bits", "bias",
        "lowest", "max", "smallest_normal", "smallest_subnormal", "epsilon", "decimal_digits", "has_infinity",
        "aliases", "support",
    ]  # fmt: skip
    by_name = {each["name"]: each for each in found}
    assert (by_name["fp8-e4m3fn"]["exponent_bits"], by_name["fp8-e5m2"]["exponent_bits"]) == (4, 5)
    assert by_name["q7"]["max"] == "0.9921875"
    assert by_name["bf16"]["max"] == "338953138925153547590470800371487866880"
    assert by_name["int8"]["smallest_normal"] is None
    assert by_name["int8"]["support"]["arm"][1]["hwcap"] == "asimddp"


def test_a_number_in_one_format(cli):
    lines = cli("formats", "0.3333", "--as", "bf16").stdout.splitlines()
    assert "bits         0 01111101 0101011" in lines
    assert "hexadecimal  0x3eab" in lines
    assert "value        0.333984375" in lines
    assert "error        0.000684375" in lines


def test_json_of_a_number(cli):
    assert json.loads(cli("formats", "0.3333", "--as", "bfloat16", "--json").stdout) == {
        "stored": [
            {
                "format": "bf16",
                "bits": "0011111010101011",
                "hexadecimal": "0x3eab",
                "fields": [
                    {"name": "sign", "bits": "0", "meaning": "+"},
                    {"name": "exponent", "bits": "01111101", "meaning": "125 - 127: x 2^-2"},
                    {"name": "fraction", "bits": "0101011", "meaning": "x (1 + 43/128)"},
                ],
                "value": "0.333984375",
                "error": "0.000684375",
            }
        ]
    }


@pytest.mark.parametrize(
    ("arguments", "value", "error"),
    [
        (("-50", "--as", "int8"), "-50", "0"),
        (("300", "--as", "int8"), "127", "-173"),
        (("1/3", "--as", "fp8-e5m2"), "0.3125", "-1/48"),
        (("0xc0", "--as", "q7"), "-0.5", None),
        (("0b11000000", "--as", "uint8"), "192", None),
        (("-inf", "--as", "fp16"), "-inf", None),
        (("500", "--as", "e4m3"), "nan", None),
        (("-0.0", "--as", "fp32"), "-0.0", "0"),
    ],
)
def test_values_and_errors_are_exact(cli, arguments, value, error):
    (stored,) = json.loads(cli("formats", *arguments, "--json").stdout)["stored"]
    assert (stored["value"], stored["error"]) == (value, error)


def test_a_number_in_every_format(cli):
    result = cli("formats", "0.1")
    assert result.exit_code == 0
    assert "fp8-e4m3fn | 0x1d               | 0.1015625" in result.stdout
    assert len(json.loads(cli("formats", "0.1", "--json").stdout)["stored"]) == 18
    assert len(json.loads(cli("formats", "nan", "--json").stdout)["stored"]) == 6


@pytest.mark.parametrize("arguments", [(), ("500", "-50", "30")], ids=["example", "given"])
def test_the_same_bits_give_two_sums(cli, arguments):
    found = json.loads(cli("formats", "--multiply-accumulate", *arguments, "--json").stdout)["multiply_accumulate"]
    int8, q7 = found
    assert (int8["format"], int8["steps"]["sum"], int8["exact"]) == (
        "int8",
        {"integer": -1000, "value": "-1000"},
        "-1000",
    )
    assert (q7["format"], q7["steps"]["sum"]) == ("q7", {"integer": 488, "value": "3.8125"})
    assert q7["steps"]["a_x_b"] == {"integer": -1500, "value": "-0.091552734375"}
    assert q7["exact"] == "3.814697265625"
    assert not q7["saturated"]


def test_a_sum_that_saturates_says_so(cli):
    result = cli("formats", "--multiply-accumulate", 2**31 - 1, 127, 127, "--as", "int8")
    assert result.exit_code == 0
    assert "It saturated." in result.stdout
    assert "2147483647" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("1", "--as", "fp7"), "'fp7' is not a number format"),
        (("five",), "'five' is not a number"),
        (("1", "2"), "Give one value, not 2"),
        (("--multiply-accumulate", "500", "-50"), "takes three whole numbers"),
        (("--multiply-accumulate", "1", "0.5", "2"), "takes three whole numbers"),
        (("--multiply-accumulate", "1", "2", "200", "--as", "q7"), "q7 holds integers from -128 to 127"),
        (("--multiply-accumulate", "--as", "bf16"), "not for bf16"),
        (("--jsno",), "'--jsno' is not a number"),
        (("0x10",), "add --as FORMAT"),
        (("0xg0", "--as", "int8"), "is not a bit pattern"),
        (("0x100", "--as", "int8"), "int8 has 8 bits"),
        (("nan", "--as", "int8"), "no NaN"),
    ],
)
def test_refusals_are_one_sentence(cli, arguments, sentence):
    result = cli("formats", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr and result.stderr.count("\n") == 1
