# Copyright: the edgequant authors
# Apache License 2.0 (see LICENSE)
# What runs is the action plugin of this name.
"""Latencies on a board."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bench
short_description: Time models on a board
version_added: 0.1.0
description:
  - Times models, engines and numbers of threads against each other on the board, as C(edgequant bench --host) does.
  - In check mode nothing is timed.
author: The edgequant authors (@edgequant)
extends_documentation_fragment: [edgequant.board.board.runs]
options:
  models:
    description: Files of models, C(.tflite) or C(.onnx).
    type: list
    elements: path
    required: true
  engines:
    description: V(native), V(litert) or V(onnxruntime); the one that suits each model if absent.
    type: list
    elements: str
    default: []
  threads:
    description: Numbers of threads; one for each core if absent.
    type: list
    elements: int
    default: []
  seconds:
    description: No round starts after so many seconds.
    type: float
    default: 10
  runner:
    description: An C(edgequant-run) for the board; built if absent.
    type: path
  python:
    description: The board's Python that has the other engines.
    type: str
    default: python3
"""

EXAMPLES = r"""
- name: Time the model on every board
  edgequant.board.bench:
    models: [kws_int8.tflite]
    seconds: 5
  register: timed
"""

RETURN = r"""
bench:
  description: What C(edgequant bench --json) prints.
  returned: when it ran
  type: dict
latency_us:
  description: The least median of all configurations, in microseconds.
  returned: when it ran
  type: float
msg:
  description: The fastest, in a sentence.
  returned: always
  type: str
"""
