"""The process that holds opened models: `python -m edgequant_runtime.isolation._worker`.

A request says what to `do`, and with the model of which `number`; `left` are models to close. Models that are opened
come as a path, or as bytes in an array.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple
from typing import Any

from numpy.typing import NDArray

from edgequant_runtime import _engines as engines
from edgequant_runtime._model_file import read_model_file
from edgequant_runtime._session import Session
from edgequant_runtime._tensor_info import TensorInfo

from ._messages import Arrays
from ._serve import Answer, Notify, serve
from ._watched import Watched, open_watched

AT_ONCE_BYTES = 2**24
"""How much of the inner tensors goes into one message, but for the last of them."""


class _Worker:
    def __init__(self) -> None:
        self._opened: dict[int, Session | Watched] = {}
        self._count = 0

    def answer(self, request: dict[str, Any], arrays: list[NDArray[Any]], notify: Notify) -> Answer:
        """Do what is asked."""
        engines.on_opening = lambda name: notify({"opening": name})
        for number in request.pop("left", ()):
            self._opened.pop(number, None)
        do = request.pop("do")
        if do == "engines":
            model = _model(request, arrays)
            return {"engines": engines.model_engines(model), "slowness": engines.native_slowness(model)}, ()
        if do == "optimize":
            return _optimize(request)
        if do == "open":
            return self._open(request, arrays)
        return _ACTIONS[do](self._opened[request.pop("number")], request, arrays)

    def _open(self, request: dict[str, Any], arrays: list[NDArray[Any]]) -> Answer:
        model, kind, name = _model(request, arrays), request.pop("kind"), request.pop("name")
        opened: Session | Watched
        if kind == "session":
            opened, told = _open_session(model, request)
        else:
            file = read_model_file(model)
            file.name = name or file.name
            opened, told = open_watched(file, **request), {}
        self._count += 1
        self._opened[self._count] = opened
        edges = {"inputs": _told(opened.inputs), "outputs": _told(opened.outputs)}
        return {"number": self._count, **edges, **told}, ()


def _model(request: dict[str, Any], arrays: list[NDArray[Any]]) -> str | bytes:
    path: str | None = request.pop("path")
    return arrays[0].tobytes() if path is None else path


def _optimize(request: dict[str, Any]) -> Answer:
    from edgequant_runtime._engines._onnxruntime import write_optimized

    write_optimized(read_model_file(request["path"]), request["output"])
    return {}, ()


def _open_session(model: str | bytes, asked: dict[str, Any]) -> tuple[Session, dict[str, Any]]:
    session = Session(model, **asked)
    told = {
        "engine": session.engine,
        "fallback_reason": session.fallback_reason,
        "threads": session.threads,
        "signature": session.signature,
        "signatures": session.signatures,
        "input_shapes": asked["input_shapes"],
    }
    return session, told


def _told(infos: Sequence[TensorInfo]) -> list[Any]:
    return [(info.name, info.shape, info.dtype.str, info.scale, info.zero_point) for info in infos]


def _run(session: Session, request: dict[str, Any], arrays: Arrays) -> Answer:
    if request.pop("anew"):
        session.reset()
    outputs = session.run(dict(zip((info.name for info in session.inputs), arrays)), **request)
    return {"names": list(outputs)}, list(outputs.values())


def _time(session: Session, request: dict[str, Any], arrays: Arrays) -> Answer:
    values = {info.name: array for info, array in zip(session.inputs, arrays)}
    session.run(values, raw=True)  # which gives the inputs these shapes, and warms the caches
    for name, value in values.items():
        session.input_view(name)[...] = value
    start = time.perf_counter_ns()
    session.invoke()
    return {"nanoseconds": time.perf_counter_ns() - start}, ()


def _reset(session: Session, request: dict[str, Any], arrays: Arrays) -> Answer:
    session.reset()
    return {}, ()


def _profile(session: Session, request: dict[str, Any], arrays: Arrays) -> Answer:
    return {"steps": [astuple(step) for step in session.profile()]}, ()


def _run_inside(model: Watched, request: dict[str, Any], arrays: Arrays) -> Answer:
    model.run(arrays, request["anew"])
    return _read(model, request, ())


def _read(model: Watched, request: dict[str, Any], arrays: Arrays) -> Answer:
    return {}, list(_some(model, request["tensors"]))


def _some(model: Watched, tensors: Sequence[int]) -> Iterator[NDArray[Any]]:
    size = 0
    for index in tensors:
        value = model.tensor(index)
        yield value
        size += value.nbytes
        if size >= AT_ONCE_BYTES:
            return


_ACTIONS: dict[str, Callable[[Any, dict[str, Any], Arrays], Answer]] = {
    "run": _run,
    "time": _time,
    "reset": _reset,
    "profile": _profile,
    "run inside": _run_inside,
    "read": _read,
}


if __name__ == "__main__":
    serve(_Worker().answer)
