"""Operators that the caller brings along: the C functions of eq_custom_operator, here written in Python."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import POINTER, c_char_p, c_float, c_int32, c_size_t, c_uint64, c_void_p
from typing import Any

import numpy as np
import pytest

from .oracle import NativeError, NativeSession
from .single_op import Model, Quantized

MODEL, UNSUPPORTED = 3, 4  # eq_status
ARGUMENT = 1


class Tensor(ctypes.Structure):
    """eq_custom_tensor."""

    _fields_ = (("type", c_int32), ("rank", c_int32), ("shape", c_int32 * 8), ("scale", c_float),
                ("zero_point", c_int32), ("bytes", c_size_t), ("data", c_void_p))  # fmt: skip

    def values(self, dtype: Any) -> np.ndarray:
        memory = (ctypes.c_char * self.bytes).from_address(self.data)
        return np.frombuffer(memory, dtype).reshape(self.shape[: self.rank])


class Call(ctypes.Structure):
    """eq_custom_call."""

    _fields_ = (("input_count", c_int32), ("output_count", c_int32), ("inputs", POINTER(Tensor)),
                ("outputs", POINTER(Tensor)), ("options", c_void_p), ("options_size", c_size_t), ("context", c_void_p),
                ("scratch_bytes", c_size_t), ("work", c_uint64), ("scratch", c_void_p))  # fmt: skip


PREPARE = ctypes.CFUNCTYPE(c_int32, POINTER(Call), POINTER(c_char_p))
RUN = ctypes.CFUNCTYPE(None, POINTER(Call))


class Operator(ctypes.Structure):
    """eq_custom_operator."""

    _fields_ = (("name", c_char_p), ("prepare", PREPARE), ("run", RUN), ("context", c_void_p))


def as_input(call: Any, reason: Any) -> int:
    """Give the first output the shape of the first input."""
    first, out = call[0].inputs[0], call[0].outputs[0]
    out.rank, out.shape = first.rank, first.shape
    return 0


def operator(name: str, run: Callable[[Any], None], prepare: Callable[[Any, Any], int] = as_input) -> Operator:
    return Operator(name.encode(), PREPARE(prepare), RUN(run), 77)


def scale_model(name: str = "Scale", *, options: dict[str, Any] | None = None) -> bytes:
    """Build x (2, 3) and a constant (3) to y (2, 3), then y + y."""
    model = Model()
    x, factors = model.input((2, 3), "FLOAT32"), model.constant([1, 2, 3], "FLOAT32")
    y, z = model.tensor((2, 3), "FLOAT32"), model.tensor((2, 3), "FLOAT32")
    model.custom(name, [x, factors, -1], [y], options)
    model.operator("ADD", [y, y], [z], "AddOptions")
    return model.finish([z])


def scale(call: Any) -> None:
    c = call[0]
    c.outputs[0].values(np.float32)[...] = c.inputs[0].values(np.float32) * c.inputs[1].values(np.float32)


X = np.arange(6, dtype=np.float32).reshape(2, 3)


def test_an_operator_of_the_caller_runs() -> None:
    seen: dict[str, Any] = {}

    def prepare(call: Any, reason: Any) -> int:
        c = call[0]
        c.scratch_bytes, c.work = 100, 6
        seen.update(
            inputs=[(t.type, t.rank, list(t.shape[: max(t.rank, 0)])) for t in c.inputs[: c.input_count]],
            constant=list(c.inputs[1].values(np.float32)), data=c.inputs[0].data, context=c.context,
            options=ctypes.string_at(c.options, c.options_size),
        )  # fmt: skip
        return as_input(call, reason)

    def run(call: Any) -> None:
        seen["scratch"] = call[0].scratch % 64
        ctypes.memset(call[0].scratch, 1, 100)
        scale(call)

    with NativeSession(
        scale_model(options={"a": 5}), [X], custom_operators=[operator("Scale", run, prepare)]
    ) as session:
        for times in (1, 2):
            np.testing.assert_array_equal(session.run([X * times])[0], 2 * times * X * [1, 2, 3])
    assert seen["inputs"] == [(0, 2, [2, 3]), (0, 1, [3]), (0, -1, [])]
    assert (seen["constant"], seen["data"], seen["context"], seen["scratch"]) == ([1, 2, 3], None, 77, 0)
    assert b"a" in seen["options"]


def test_a_quantized_operator_sees_its_scales() -> None:
    seen = []

    def prepare(call: Any, reason: Any) -> int:
        seen.append((call[0].inputs[0].type, call[0].inputs[0].scale, call[0].inputs[0].zero_point))
        return as_input(call, reason)

    def run(call: Any) -> None:
        call[0].outputs[0].values(np.int8)[...] = -call[0].inputs[0].values(np.int8)

    model = Model()
    x, y = model.input((4,), "UINT8", Quantized(0.5, 130)), model.tensor((4,), "INT8", Quantized(0.5, 0))
    model.custom("Negate", [x], [y])
    values = np.array([128, 129, 0, 255], np.uint8)
    with NativeSession(model.finish([y]), [values], custom_operators=[operator("Negate", run, prepare)]) as session:
        np.testing.assert_array_equal(session.run([values])[0], [0, -1, -128, -127])
    assert seen[0] == (9, 0.5, 2)


def test_an_operator_of_constants_runs_once() -> None:
    runs = []
    model = Model()
    x, c = model.input((2,), "FLOAT32"), model.constant([3, 4], "FLOAT32")
    y, z = model.tensor((2,), "FLOAT32"), model.tensor((2,), "FLOAT32")
    model.custom("Twice", [c], [y])
    model.operator("ADD", [x, y], [z], "AddOptions")

    def run(call: Any) -> None:
        runs.append(1)
        call[0].outputs[0].values(np.float32)[...] = 2 * call[0].inputs[0].values(np.float32)

    values = np.zeros(2, np.float32)
    with NativeSession(model.finish([z]), [values], custom_operators=[operator("Twice", run)]) as session:
        before = len(runs)
        np.testing.assert_array_equal(session.run([values])[0], [6, 8])
        assert len(runs) == before > 0


def test_the_callers_operator_comes_before_the_engines() -> None:
    data = scale_model("TransformLandmarks")
    with NativeSession(data, [X], custom_operators=[operator("TransformLandmarks", scale)]) as session:
        np.testing.assert_array_equal(session.run([X])[0], 2 * X * [1, 2, 3])


def refuse(call: Any, reason: Any) -> int:
    reason[0] = b"needs a factor for each column"
    return UNSUPPORTED


def refuse_without_a_word(call: Any, reason: Any) -> int:
    return MODEL


def no_shape(call: Any, reason: Any) -> int:
    call[0].outputs[0].rank = 9
    return 0


@pytest.mark.parametrize(
    ("name", "prepare", "status", "sentence"),
    [
        ("Scale", refuse, UNSUPPORTED, r"Scale.* \(operator 0\): needs a factor for each column"),
        ("Scale", refuse_without_a_word, UNSUPPORTED, "its `prepare` refuses it"),
        ("Scale", no_shape, UNSUPPORTED, "its `prepare` gave output 0 the rank 9"),
        ("Other", as_input, UNSUPPORTED, "not an operator of this engine"),
    ],
)
def test_what_prepare_refuses_is_told(name: str, prepare: Any, status: int, sentence: str) -> None:
    with pytest.raises(NativeError, match=sentence) as caught:
        NativeSession(scale_model(), [X], custom_operators=[operator(name, scale, prepare)])
    assert caught.value.status == status


def test_a_registration_that_lacks_a_function_is_refused() -> None:
    broken = Operator(b"Scale", PREPARE(as_input), RUN(), None)
    with pytest.raises(NativeError, match="custom operator 0 lacks its name, `prepare` or `run`") as caught:
        NativeSession(scale_model(), [X], custom_operators=[broken])
    assert caught.value.status == ARGUMENT
