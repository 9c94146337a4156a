"""Say when a wake word was heard: its score, averaged over the last answers, reaches a threshold."""

import sys
from array import array
from collections import deque
from collections.abc import Iterator

from edgequant_runtime import Heard, Task

AVERAGED = 5
THRESHOLD = 0.8
CHUNK = 3200  # bytes: a tenth of a second


def answers(task: Task, source: str) -> Iterator[Heard]:
    """Answer for a WAV file, or for int16 samples on standard input as they come."""
    if source != "-":
        yield from task.listen(source)
        return
    seconds = 0.0
    while chunk := sys.stdin.buffer.read(CHUNK):
        samples = array("h", chunk[: len(chunk) // 2 * 2])
        for heard in task.listen(samples):
            yield Heard(seconds + heard.seconds, heard.answer)
        seconds += len(samples) / task.info.rate


def main() -> None:
    """Print a line each time that the word is heard."""
    model, source = sys.argv[1:]
    scores: deque[float] = deque(maxlen=AVERAGED)
    for seconds, answer in answers(Task(model), source):
        scores.append(answer.classes[0].score)
        if len(scores) == AVERAGED and sum(scores) / AVERAGED >= THRESHOLD:
            print(f"heard at {seconds:.1f} s", flush=True)
            scores.clear()  # not the same word again


if __name__ == "__main__":
    main()
