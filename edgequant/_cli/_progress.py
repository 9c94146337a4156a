"""A progress line for work that reports its steps."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from ._output import status_console

LINE_SECONDS = 10.0


@contextmanager
def step_progress(
    console: Console | None = None, *, lines: bool = False
) -> Iterator[Callable[[str, int, int | None], None]]:
    """Yield a function (step, done, total or None) that shows the current step.

    Nothing is shown when piped, or with `lines` a line for each step, and every ten seconds.
    """
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn())
    console = console or status_console()
    if lines and not console.is_terminal:
        yield _Lines(console).show
        return
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        bar.add_task("starting", total=None)

        def show(step: str, done: int, total: int | None) -> None:
            description = f"{step} {_count(done, total)}".rstrip()
            (task,) = bar.tasks
            if total is None and task.total is not None:
                # To `update` and `reset` a total of None means to keep the last one.
                bar.remove_task(task.id)
                bar.add_task(description, total=None, completed=done)
            else:
                bar.update(task.id, description=description, completed=done, total=total)

        yield show


class _Lines:
    """Progress for a log: how far a step is, and how long what is left of it will take at the pace so far."""

    def __init__(self, console: Console) -> None:
        self._console, self._step = console, ""
        self._began = self._told = 0.0

    def show(self, step: str, done: int, total: int | None) -> None:
        """Print a line if the step is new, or the last one is old."""
        now = time.monotonic()
        if step != self._step:
            self._step, self._began = step, now
        elif now - self._told < LINE_SECONDS:
            return
        self._told = now
        left = (
            "" if not total or not done else f", about {(now - self._began) * (total - done) / done:.0f} s left of it"
        )
        self._console.print(f"{step} {_count(done, total)}".rstrip() + left, markup=False, highlight=False)


def _count(done: int, total: int | None) -> str:
    if total is None:
        return f"{done:,}" if done else ""
    return f"{done:,}/{total:,}"
