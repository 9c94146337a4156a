# Copyright: the edgequant authors
# Apache License 2.0 (see LICENSE)
"""What all modules of this collection have in common."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of every module that runs programs on a board, and where it runs itself."""

    DOCUMENTATION = r"""
options:
  python:
    description: The board's Python with the wheels, for bundles that bring wheels in place of a program.
    type: str
    default: python3
  timeout:
    description: Seconds that one run of a model, or of a command, may take on the board.
    type: float
    default: 60
"""

    RUNS = r"""
requirements:
  - edgequant, in the Python on the controller that runs Ansible
notes:
  - It runs on the controller and opens one ssh connection to the board, by the variables and options of the C(ssh)
    connection plugin. The board needs a POSIX shell and sftp, and no Python.
  - With C(ansible_connection=local) the board is the controller itself.
  - The host's key must be known, whatever C(host_key_checking) says; passwords are not used, and C(become) has no
    effect.
attributes:
  check_mode:
    support: full
    description: Can run in check mode and tell what would change, without changing the board.
  diff_mode:
    support: full
    description: Tells what was current before and after.
"""
