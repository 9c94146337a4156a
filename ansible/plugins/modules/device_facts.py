# Copyright: the edgequant authors
# Apache License 2.0 (see LICENSE)
# What runs is the action plugin of this name.
"""Facts on a board."""

from __future__ import annotations

DOCUMENTATION = r"""
module: device_facts
short_description: What a board is, and which number format and engine suit it
version_added: 0.1.0
description:
  - Asks a board for its model, processor, features, word size and memory.
  - Recommends a number format and an engine for networks there, as C(edgequant check) does.
author: The edgequant authors (@edgequant)
extends_documentation_fragment: [edgequant.board.board.runs]
options: {}
"""

EXAMPLES = r"""
- name: Look at the boards
  edgequant.board.device_facts:

- name: Group them by processor
  ansible.builtin.group_by:
    key: "arch_{{ edgequant_board.device.architecture }}"
"""

RETURN = r"""
ansible_facts:
  description: What C(edgequant check --json) prints.
  returned: success
  type: dict
  contains:
    edgequant_board:
      description: Keys C(device), C(recommendation), C(wheels) and more, see docs/check.md of edgequant.
      type: dict
      returned: success
device:
  description: The board's C(title), C(architecture), C(programs) and C(os).
  returned: success
  type: dict
  sample: {title: Raspberry Pi 4 Model B Rev 1.4, architecture: aarch64}
"""
