"""A progress line for work that reports its steps."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from ._output import status_console


@contextmanager
def step_progress(console: Console | None = None) -> Iterator[Callable[[str, int, int | None], None]]:
    """Yield a function (step, done, total or None) that shows the current step; nothing is shown when piped."""
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn())
    console = console or status_console()
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


def _count(done: int, total: int | None) -> str:
    if total is None:
        return f"{done:,}" if done else ""
    return f"{done:,}/{total:,}"
