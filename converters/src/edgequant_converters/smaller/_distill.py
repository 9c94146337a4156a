"""Distillation: a student learns what a teacher answers."""

import math
from collections.abc import Callable, Iterable, Sized
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.utils._pytree import tree_leaves

from edgequant_converters._errors import UnsupportedError


@dataclass(frozen=True, slots=True)
class Lesson:
    """What the student is held to; see `distill` of the package."""

    temperature: float
    truth: float
    own: Callable[[Any, Any], torch.Tensor] | None

    def check(self) -> None:
        """Raise UnsupportedError for settings that make no sense."""
        if self.temperature <= 0:
            raise UnsupportedError(f"A temperature of {self.temperature} makes no sense: give one above 0, as 2.")
        if not 0 <= self.truth <= 1:
            raise UnsupportedError(f"The share of the labels cannot be {self.truth}: give 0 to 1.")

    def loss(self, student: Any, teacher: Any, labels: torch.Tensor | None) -> torch.Tensor:
        """Return the loss of one batch."""
        if self.truth == 0:
            return self._agreement(student, teacher)
        if labels is None:
            raise UnsupportedError("A share of the labels needs batches of (inputs, labels): add them, or truth=0.")
        wrong = functional.cross_entropy(student, labels)
        return self.truth * wrong + (1 - self.truth) * self._agreement(student, teacher)

    def _agreement(self, student: Any, teacher: Any) -> torch.Tensor:
        if self.own is not None:
            return self.own(student, teacher)
        given, expected = tree_leaves(student), tree_leaves(teacher)
        if len(given) != len(expected):
            raise UnsupportedError(
                f"The student gives {len(given)} outputs and the teacher {len(expected)}: "
                "give a loss that compares them."
            )
        pairs = list(zip(given, expected, strict=True))
        for ours, theirs in pairs:
            if ours.shape != theirs.shape:
                raise UnsupportedError(
                    f"The student gives {tuple(ours.shape)} where the teacher gives {tuple(theirs.shape)}: "
                    "give a loss that compares them."
                )
        if all(ours.ndim == 2 and ours.shape[1] > 1 for ours, _ in pairs):
            return torch.stack([self._divergence(*pair) for pair in pairs]).sum()
        return torch.stack([functional.mse_loss(*pair) / _spread(pair[1]) for pair in pairs]).sum()

    def _divergence(self, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        ours, theirs = (functional.log_softmax(scores / self.temperature, 1) for scores in (student, teacher))
        return self.temperature**2 * functional.kl_div(ours, theirs, reduction="batchmean", log_target=True)


def distill_module(
    student: nn.Module,
    teacher: nn.Module,
    batches: Iterable[Any],
    epochs: int,
    rate: float,
    lesson: Lesson,
    progress: Callable[[str, int, int | None], None] | None,
) -> tuple[float, ...]:
    """See `distill` of the package."""
    lesson.check()
    if epochs < 1 or rate <= 0:
        raise UnsupportedError("Distillation takes one epoch or more, and a learning rate above 0.")
    trained, done = {module: module.training for module in teacher.modules()}, 0
    losses: list[float] = []
    length = len(batches) if isinstance(batches, Sized) else 0
    optimizer = torch.optim.Adam(student.parameters(), lr=rate)
    student.train()
    teacher.eval()
    try:
        for epoch in range(epochs):
            sums, count = 0.0, 0
            for number, batch in enumerate(batches):
                inputs, labels = _parts(batch)
                _set_rate(optimizer, rate * _remaining(epoch, number, length, epochs))
                loss = _step(student, teacher, inputs, labels, lesson, optimizer)
                sums, count, done = sums + loss, count + 1, done + 1
                if progress is not None:
                    progress("distilling", done, None)
            if not count:
                raise UnsupportedError("There are no batches to learn from: give a list, not an iterator that ends.")
            losses.append(sums / count)
    finally:
        student.eval()
        for module, training in trained.items():
            module.training = training
    return tuple(losses)


def _parts(batch: Any) -> tuple[tuple[torch.Tensor, ...], torch.Tensor | None]:
    parts = batch if isinstance(batch, (tuple, list)) else (batch,)
    if not 1 <= len(parts) <= 2:
        raise UnsupportedError(
            f"A batch has {len(parts)} parts: give inputs, or (inputs, labels); several inputs are one tuple."
        )
    inputs, labels = parts[0], parts[1] if len(parts) == 2 else None
    return (tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)), labels


def _remaining(epoch: int, number: int, batches: int, epochs: int) -> float:
    """Return the share of the learning rate: half a cosine, in steps of an epoch if nobody knows how long one is."""
    within = number / batches if batches else 0.0
    return 0.5 * (1 + math.cos(math.pi * (epoch + within) / epochs))


def _set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def _step(
    student: nn.Module,
    teacher: nn.Module,
    inputs: tuple[torch.Tensor, ...],
    labels: torch.Tensor | None,
    lesson: Lesson,
    optimizer: torch.optim.Optimizer,
) -> float:
    with torch.no_grad():
        expected = teacher(*inputs)
    optimizer.zero_grad()
    loss = lesson.loss(student(*inputs), expected, labels)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return float(loss.detach())


def _spread(values: torch.Tensor) -> torch.Tensor:
    return values.float().var(correction=0).clamp_min(torch.finfo(torch.float32).tiny)
