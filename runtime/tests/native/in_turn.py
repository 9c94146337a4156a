"""Models that keep a state: one frame after the other, in LiteRT and in this engine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from .oracle import RESOLVERS, Array, NativeSession, difference, kernel_sets, same_bits, seeded_inputs


def frames_of(data: bytes, seed: int) -> list[Array]:
    return [seeded_inputs(data, seed + run)[0] for run in range(3)]


def run_litert_in_turn(data: bytes, frames: Sequence[Array], resolver: str = "default") -> list[Array]:
    """The outputs of one interpreter for one frame after the other."""
    interpreter = Interpreter(model_content=data, experimental_op_resolver_type=RESOLVERS[resolver], num_threads=1)
    interpreter.allocate_tensors()
    results = []
    for frame in frames:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], frame)
        interpreter.invoke()
        results.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
    return results


def check_in_turn(data: bytes, frames: Sequence[Array], expected: Sequence[Array]) -> None:
    """The same outputs for the same frames in turn, with every kernel set, and again after a reset."""
    for number, name in enumerate(kernel_sets()):
        with NativeSession(data, frames[:1], 1 + number % 2, name) as session:
            for run in range(2):
                for frame, theirs in zip(frames, expected):
                    ours = session.run([frame])[0]
                    assert same_bits(ours, theirs), f"{name}, run {run}: {difference(ours, theirs, 'default')}"
                session.reset()


def check_close_in_turn(data: bytes, frames: Sequence[Array], expected: Sequence[Array]) -> None:
    """Floats: within 1e-5 of what is expected, and the same bits with every kernel set."""
    with NativeSession(data, frames[:1], kernels="scalar") as session:
        found = [session.run([frame])[0] for frame in frames]
    for ours, theirs in zip(found, expected):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5 * max(1.0, float(np.abs(theirs).max())))
    check_in_turn(data, frames, found)
