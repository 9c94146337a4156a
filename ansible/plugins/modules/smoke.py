# Copyright: the edgequant authors
# Apache License 2.0 (see LICENSE)
# What runs is the action plugin of this name.
"""Smoke tests on a board."""

from __future__ import annotations

DOCUMENTATION = r"""
module: smoke
short_description: Run a bundle's goldens on a board and demand their bits
version_added: 0.1.0
description:
  - Runs the goldens of the bundle that suits the board in a temporary folder there, or those of what is current.
  - Then runs a command on the board, if there is one, that must end well.
author: The edgequant authors (@edgequant)
extends_documentation_fragment: [edgequant.board.board, edgequant.board.board.runs]
options:
  bundles:
    description: What C(edgequant bundle) wrote. Of several, the one that suits the board's processor is taken.
    type: list
    elements: path
    default: []
    aliases: [bundle]
  path:
    description: In place of O(bundles), the folder on the board whose current release is tested where it is.
    type: str
  command:
    description:
      - A program and its arguments, run on the board after the goldens. Nothing is expanded, and it must end with 0.
    type: list
    elements: str
    default: []
  threads:
    description: Threads of one inference; one, and then one for each core, if absent.
    type: int
"""

EXAMPLES = r"""
- name: Prove the bundle on every board of the farm
  edgequant.board.smoke:
    bundles: [kws-rpi-zero.tar.gz, kws-rpi4.tar.gz]

- name: Prove what is deployed, and ask the service
  edgequant.board.smoke:
    path: models/kws
    command: [systemctl, is-active, kws]
"""

RETURN = r"""
msg:
  description: The verdict and what differs, in sentences.
  returned: always
  type: str
verdict:
  description: V(equal), V(different) or V(could not run).
  returned: when the board was reached
  type: str
release:
  description: The first 16 digits of the bundle's digest.
  returned: when the board was reached
  type: str
latency_us:
  description: Least median of one inference in microseconds.
  returned: when the goldens ran
  type: float
command:
  description: The command's C(status), the end of its C(stdout), and its C(complaint).
  returned: when a command was given and ran
  type: dict
device:
  description: The board's C(title), C(architecture), C(programs) and C(os).
  returned: when the board was reached
  type: dict
"""
