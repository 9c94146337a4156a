# Copyright: the edgequant authors
# Apache License 2.0 (see LICENSE)
# What runs is the action plugin of this name.
"""Releases on a board."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Deploy a bundle to a board, whole and tested, or not at all
version_added: 0.1.0
description:
  - Sees to it that a bundle of edgequant is the current release in a folder of the board.
  - It is copied there once, its digests are checked there, its goldens run there bit for bit, and only then the link
    C(current) changes, in one step.
  - A release that is there already is not sent again; one that was cut off is resumed.
author: The edgequant authors (@edgequant)
extends_documentation_fragment: [edgequant.board.board, edgequant.board.board.runs]
options:
  path:
    description: The folder on the board, absolute or below the user's home there.
    type: str
    required: true
  bundles:
    description:
      - What C(edgequant bundle) wrote. Of several, the one that suits the board's processor is taken.
      - With O(state=rolled_back), the bundles that must not be current; without, whatever is current goes back.
    type: list
    elements: path
    default: []
    aliases: [bundle]
  state:
    description:
      - V(deployed) makes the bundle current.
      - V(rolled_back) makes the release before it current, if the bundle is current.
      - V(absent) removes all that was deployed to O(path).
    type: str
    choices: [deployed, rolled_back, absent]
    default: deployed
  keep:
    description: Releases that stay on the board, from 2 to 100; the current and the previous one always stay.
    type: int
    default: 3
  break_lock:
    description: Take the lock of a deployer that was cut off.
    type: bool
    default: false
  service:
    description:
      - Have the user's systemd run the bundle's service; the release before becomes current again
        if it gives no answer.
    type: bool
    default: false
  require_signature:
    description:
      - Refuse what is not signed, on the controller before it is unpacked and on the board before anything is copied.
    type: bool
    default: false
  allowed_signers:
    description: With O(require_signature=true), the file on the controller that says whose signatures count.
    type: path
  signer:
    description: Who must have signed; anybody in O(allowed_signers) if absent.
    type: str
  revoked:
    description: Keys that do not count any more on the controller, as C(ssh-keygen -k) writes them.
    type: path
  board_signers:
    description: The board's own file of signers; C(revoked_keys) beside it counts too, if it is there.
    type: str
    default: /etc/edgequant/allowed_signers
"""

EXAMPLES = r"""
- name: Deploy the bundle that fits the board
  edgequant.board.release:
    bundles: [kws-rpi-zero.tar.gz, kws-rpi4.tar.gz]
    path: models/kws

- name: Go back from a bundle that turned out to be bad
  edgequant.board.release:
    bundle: kws-rpi4.tar.gz
    path: models/kws
    state: rolled_back
"""

RETURN = r"""
msg:
  description: What was done, or why not, in sentences.
  returned: always
  type: str
release:
  description: The release that was asked for, named by the first 16 digits of its bundle's digest.
  returned: when a bundle was given
  type: str
  sample: 6b5f113f287f3288
bundle:
  description: The bundle that suits the board.
  returned: when a bundle was given
  type: str
before:
  description: What was C(current) and C(previous) before.
  returned: when the board was reached
  type: dict
current:
  description: What is current now.
  returned: when the board was reached
  type: str
previous:
  description: What a roll-back would go to.
  returned: when the board was reached
  type: str
service:
  description: The C(unit), whether it is C(running), and a C(sentence); null where O(service) was not asked for.
  returned: when it was deployed or rolled back
  type: dict
signer:
  description: Who signed it, if that was required.
  returned: when it was deployed or rolled back
  type: str
latency_us:
  description: Least median of one inference in microseconds, by the smoke test.
  returned: when the smoke test ran
  type: float
device:
  description: The board's C(title), C(architecture), C(programs) and C(os).
  returned: when a bundle was given
  type: dict
"""
