"""What every model that a worker holds has in common, as the parent sees it."""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from edgequant_runtime._model_file import TFLITE, ModelFile, read_model_file
from edgequant_runtime._tensor_info import TensorInfo

from ._messages import Arrays
from ._process import WorkerDeath, WorkerProcess

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgequant_runtime._model_file import Model


class EngineWorker(WorkerProcess):
    """A worker that holds models by number; `left` are those that nobody refers to any more, told as one asks next."""

    def __init__(self) -> None:
        super().__init__("edgequant_runtime.isolation._worker")
        self.left: list[int] = []


class OpenedModel:
    """A model in a worker; what it takes and gives are its `inputs` and `outputs`, in the model's own order."""

    def __init__(self, worker: EngineWorker, model: Model, asked: dict[str, Any], name: str | None = None) -> None:
        file = read_model_file(model)
        self._worker, self._name = worker, name or file.name
        self._engine = _first_tried(file, asked)
        request = {"do": "open", **path_of(file), "name": name, **asked}
        answer, _ = self._ask(request, content_of(file), "opening")
        self._number: int = answer["number"]
        weakref.finalize(self, worker.left.append, self._number).atexit = False
        self.inputs, self.outputs = _infos(answer["inputs"]), _infos(answer["outputs"])
        self._describe(answer)

    def _describe(self, answer: dict[str, Any]) -> None:
        """Keep what else the worker says of the model."""

    def _ask(self, request: dict[str, Any], arrays: Arrays, doing: str) -> tuple[dict[str, Any], list[NDArray[Any]]]:
        if "number" not in request and request["do"] != "open":
            request = {**request, "number": self._number}
        left = [self._worker.left.pop() for _ in range(len(self._worker.left))]
        try:
            return self._worker.ask({**request, "left": left}, arrays, notice=self._heed)
        except WorkerDeath as death:
            raise death.to_error(self._engine, f"{doing} {self._name}") from death

    def _heed(self, notice: dict[str, Any]) -> None:
        self._engine = str(notice["opening"])


def path_of(file: ModelFile) -> dict[str, str | None]:
    """Return what a request says of a model's path; the worker's current folder may be another."""
    return {"path": None if file.path is None else os.path.abspath(file.path)}


def content_of(file: ModelFile) -> Arrays:
    """Return what a request carries of a model that has no path."""
    return () if file.content is None else (np.frombuffer(file.content, np.uint8),)


def _first_tried(file: ModelFile, asked: dict[str, Any]) -> str:
    if file.format != TFLITE:
        return "onnxruntime"
    return "litert" if asked["kind"] == "inner" else "native"


def _infos(told: list[Any]) -> list[TensorInfo]:
    return [
        TensorInfo(name, tuple(shape), np.dtype(dtype), scale, zero_point)
        for name, shape, dtype, scale, zero_point in told
    ]
