"""Which outputs are taken for the next value of which input."""

from types import SimpleNamespace

import pytest

from edgequant_converters._fed_back import states

Ports = dict[str, tuple[int, ...]]

SIGNAL, CELL, IMAGE = (1, 16), (1, 8), (1, 32, 32, 3)


def pairs(inputs: Ports, outputs: Ports) -> list[str]:
    given, made = (
        [SimpleNamespace(name=name, shape=shape) for name, shape in ports.items()] for ports in (inputs, outputs)
    )
    return [f"{before.name} {after.name}" for before, after in states(given, made)]


@pytest.mark.parametrize(
    ("before", "after"),
    [("h", "h2"), ("h", "hn"), ("h0", "hn"), ("state", "stateN"), ("h_in", "h_out"), ("r1i", "r1o"), ("h", "h_next"),
     ("prev_state", "new_state"), ("conv_cache", "conv_cache_out"), ("serving_default_h:0", "serving_default_h_1:0")],
)  # fmt: skip
@pytest.mark.parametrize("first", [True, False])
def test_a_state_is_told_by_its_name(before: str, after: str, first: bool) -> None:
    answers = {after: SIGNAL, "y": SIGNAL} if first else {"y": SIGNAL, after: SIGNAL}
    assert pairs({"x": SIGNAL, before: SIGNAL}, answers) == [f"{before} {after}"]


def test_two_states_of_one_shape_are_told_apart() -> None:
    assert pairs({"x": SIGNAL, "h": CELL, "c": CELL}, {"y": SIGNAL, "cn": CELL, "hn": CELL}) == ["h hn", "c cn"]
    assert pairs({"x": SIGNAL, "h1": CELL, "h2": CELL}, {"h2_out": CELL, "h1_out": CELL}) == ["h1 h1_out", "h2 h2_out"]


def test_without_a_name_it_is_told_by_its_shape() -> None:
    assert pairs({"input_2": SIGNAL, "input_3": CELL}, {"mask": SIGNAL, "stacked": CELL}) == ["input_3 stacked"]


def test_what_is_masked_is_no_state() -> None:
    assert pairs({"x": SIGNAL, "s": CELL}, {"y": SIGNAL, "s2": CELL}) == ["s s2"]
    assert pairs({"s": CELL, "x": SIGNAL, "rate": ()}, {"s2": CELL, "y": SIGNAL}) == ["s s2"]
    assert pairs({"x": SIGNAL, "h": CELL, "c": CELL}, {"y": SIGNAL, "tanh": CELL, "add": CELL}) == []


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ({"x": SIGNAL, "a": CELL, "b": CELL}, {"y": SIGNAL, "add": CELL, "mul": CELL}),
        ({"l": SIGNAL, "r": SIGNAL}, {"yl": SIGNAL, "yr": SIGNAL}),
        ({"left": SIGNAL, "right": SIGNAL}, {"left_out": SIGNAL, "right_out": SIGNAL}),
        ({"x": SIGNAL, "image": IMAGE}, {"score": CELL, "sharper": IMAGE}),
        ({"x": SIGNAL, "h": CELL}, {"y": CELL, "z": CELL}),
        ({"x": SIGNAL}, {"x_out": SIGNAL, "y": CELL}),
        ({"x": SIGNAL, "state": CELL}, {"state_out": CELL}),
    ],
    ids=["no names", "two signals", "named signals", "image", "two outputs", "one input", "one output"],
)
def test_what_is_not_clear_is_not_joined(inputs: Ports, outputs: Ports) -> None:
    assert pairs(inputs, outputs) == []


def test_an_image_that_is_named_as_a_state_is_one() -> None:
    assert pairs({"x": SIGNAL, "r1i": IMAGE}, {"y": CELL, "r1o": IMAGE}) == ["r1i r1o"]
