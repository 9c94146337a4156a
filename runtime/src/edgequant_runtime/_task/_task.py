"""One way from a file to an answer."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from ctypes import POINTER, byref, c_bool, c_float, c_int16, c_size_t, c_void_p, cast, create_string_buffer
from typing import TYPE_CHECKING, Any, NamedTuple, Union

from edgequant_runtime._engines._library import Error
from edgequant_runtime._errors import InputError, SessionError
from edgequant_runtime._model_file import TFLITE, read_model_file

from ._answers import read_answer
from ._library import AUDIO, IMAGE, VECTOR, AnswerStructure, Info, task_library
from ._sources import frame_of_array, frame_of_file, read_file, samples_of_wav

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgequant_runtime._model_file import Model

    from ._answers import Answer

    Source = Union[str, os.PathLike[str], NDArray[Any], Sequence[float]]

_MOST_TEXT = 1 << 16


class TaskError(SessionError):
    """A task is no valid task.json, or does not fit its model."""


class Heard(NamedTuple):
    """An answer, and the seconds of sound up to the end of what it was given."""

    seconds: float
    answer: Answer


class Task:
    """A model with what stands around it, ready to answer.

    Args:
        model: path of a .tflite file that the native engine runs, or its bytes.
        task: path of a task.json, its text, or its values as a dictionary; what it leaves out is inferred from the
            model. None: all of it is, and a file task.json beside the model is taken where there is one.
        labels: path of a file with a label a line, or the labels; instead of the task's and of those that the model
            itself carries.
        threads: threads for one inference, 1 to 256; None takes every core that this process may use.

    Attributes:
        input: "image", "audio" or "vector".
        output: "classes", "detections", "segmentation", "keypoints", "embedding" or "anomaly".
        info: sizes, rate and steps, as docs/task.md describes them.

    Raises ModelError, EngineError, and TaskError, all of which are SessionErrors. One thread at a time uses a task.

    """

    def __init__(
        self,
        model: Model,
        task: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        *,
        labels: str | os.PathLike[str] | Sequence[str] | None = None,
        threads: int | None = None,
    ) -> None:
        from edgequant_runtime._engines._native import NativeEngine, NativeModel
        from edgequant_runtime._threads import checked_threads

        self._handle = c_void_p()
        self._library = task_library()
        self._close = self._library.eq_task_close
        file = read_model_file(model)
        if file.format != TFLITE:
            raise TaskError(f"{file.name} is no .tflite model, which tasks run: convert it with 'edgequant convert'.")
        self._name = file.name
        self._engine = NativeEngine(NativeModel(file), checked_threads(threads))
        text = _task_text(model, task)
        if text is None or labels is None:
            from ._metadata import complete

            text, found = complete(file, text, self._engine.inputs[0].dtype.kind == "f")
            labels = found if labels is None and found else labels
        self._open(text, None if labels is None else _label_lines(labels))
        self.info = Info()
        self._library.eq_task_describe(self._handle, byref(self.info))
        self.input = ("image", "audio", "vector")[self.info.input]
        self.output = ("classes", "detections", "segmentation", "keypoints", "embedding", "anomaly")[self.info.output]

    def _open(self, text: bytes | None, labels: bytes | None) -> None:
        error, session = Error(), self._engine._session.handle
        size, labels_size = len(text or b""), len(labels or b"")
        status = self._library.eq_task_open(session, text, size, labels, labels_size, byref(self._handle), byref(error))
        if status:
            message = error.message.decode("utf-8", errors="replace").rstrip(".")
            raise TaskError(f"The task of {self._name}: {message}.")

    def __del__(self) -> None:
        if self.__dict__.get("_handle"):
            self._close(self._handle)

    def to_dict(self) -> dict[str, Any]:
        """Return the whole task, what was inferred included, as the values of a task.json."""
        length = self._library.eq_task_json(self._handle, None, 0)
        text = create_string_buffer(length + 1)
        self._library.eq_task_json(self._handle, text, length + 1)
        values: dict[str, Any] = json.loads(text.value)
        return values

    def run(self, source: Source) -> Answer:
        """Answer for one picture, sound or window of numbers, from the model's first state.

        Args:
            source: for pictures the path of a file (PPM and PGM always; JPEG, PNG and more with Pillow) or an array
                (height, width, 3) or (height, width) of uint8; for sound the path of a WAV file or int16 samples; for
                vectors numbers, as many lines of them as the model sees.

        Of a sound or of lines that are longer than the model's window, the last answer is returned: see listen() and
        feed() for all. Raises InputError if the source does not fit or is too short.

        """
        self.reset()
        if self.info.input == IMAGE:
            return self._answer_picture(source)
        answers = [heard.answer for heard in self.listen(source)] if self.info.input == AUDIO else self.feed(source)
        if not answers:
            raise InputError(f"That is too short for {self._name}: {self.needs}.")
        return answers[-1]

    def listen(self, sound: Source) -> Iterator[Heard]:
        """Answer as often as a whole sound gives the model something new: after each `step` of the task.

        `sound` is the path of a WAV file, or int16 samples of the task's rate. Several calls go on from one another, as
        if all had been one sound; reset() begins anew.
        """
        self._check_input(AUDIO, "sound")
        samples = samples_of_wav(sound, self.info.rate) if isinstance(sound, (str, os.PathLike)) else sound
        given = _c_array(samples, c_int16)
        used, ready, error, at = c_size_t(), c_bool(), Error(), 0
        while at < len(given):
            rest = cast(byref(given, at * 2), POINTER(c_int16))
            status = self._library.eq_task_audio(
                self._handle, rest, len(given) - at, byref(used), byref(ready), byref(error)
            )
            self._check(status, error)
            at += used.value
            if ready.value:
                yield Heard(at / self.info.rate, self._answer())

    def feed(self, numbers: Any) -> list[Answer]:
        """Answer for lines of numbers, one line or many (lines, columns): as often as the model has enough of them."""
        import numpy as np

        self._check_input(VECTOR, "lines of numbers")
        lines = np.asarray(numbers, np.float32).reshape(-1, self.info.columns)
        answers = []
        for line in lines:
            ready, error = c_bool(), Error()
            values = _c_array(line, c_float)
            status = self._library.eq_task_vector(self._handle, values, len(line), byref(ready), byref(error))
            self._check(status, error)
            if ready.value:
                answers.append(self._answer())
        return answers

    def reset(self) -> None:
        """Forget the sound or lines so far, and what a streaming model remembers."""
        self._library.eq_task_reset(self._handle)

    def _answer_picture(self, source: Source) -> Answer:
        frame, _held = (
            frame_of_file(source) if isinstance(source, (str, os.PathLike)) else frame_of_array(_pixels(source))
        )
        error = Error()
        self._check(self._library.eq_task_image(self._handle, byref(frame), byref(error)), error)
        return self._answer()

    def _answer(self) -> Answer:
        answer, error = POINTER(AnswerStructure)(), Error()
        self._check(self._library.eq_task_run(self._handle, byref(answer), byref(error)), error)
        length = self._library.eq_answer_json(answer, None, 0)
        line = create_string_buffer(length + 1)
        self._library.eq_answer_json(answer, line, length + 1)
        return read_answer(answer.contents, line.value.decode())

    def _check_input(self, wanted: int, what: str) -> None:
        if self.info.input != wanted:
            raise InputError(f"The task of {self._name} takes {self.input} input, no {what}.")

    def _check(self, status: int, error: Error) -> None:
        if status:
            message = error.message.decode("utf-8", errors="replace").rstrip(".")
            raise InputError(f"The task of {self._name}: {message}.")

    @property
    def needs(self) -> str:
        """How much of a sound, or how many lines of numbers, an answer takes, in words."""
        if self.info.input == VECTOR:
            return f"it sees {self.info.rows} lines of {self.info.columns} numbers"
        audio = self.to_dict()["input"]
        window = audio.get("window", audio["hop"])
        return f"it needs {window + (self.info.rows - 1) * audio['hop']} samples at {self.info.rate} Hz"


def _task_text(model: Model, task: str | os.PathLike[str] | Mapping[str, Any] | None) -> bytes | None:
    if isinstance(task, Mapping):
        return json.dumps(task).encode()
    if isinstance(task, str) and task.lstrip().startswith("{"):
        return task.encode()
    if task is not None:
        return read_file(task)
    if isinstance(model, (str, os.PathLike)):
        beside = os.path.join(os.path.dirname(os.fsdecode(model)), "task.json")
        if os.path.isfile(beside):
            return read_file(beside)
    return None


def _label_lines(labels: str | os.PathLike[str] | Sequence[str]) -> bytes:
    if isinstance(labels, (str, os.PathLike)):
        return read_file(labels)
    return "".join(f"{label}\n" for label in labels).encode()


def _c_array(values: Any, type_: Any) -> Any:
    import numpy as np

    array = np.ascontiguousarray(values, np.int16 if type_ is c_int16 else np.float32).reshape(-1)
    return (type_ * len(array)).from_buffer_copy(array.tobytes())


def _pixels(source: Any) -> Any:
    import numpy as np

    return np.asarray(source)
