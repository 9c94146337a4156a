# Copyright: the edgequant authors
# Apache License 2.0 (see LICENSE)
"""The module of this name; its documentation is in plugins/modules."""

from __future__ import annotations

from typing import Any

from ansible_collections.edgequant.board.plugins.plugin_utils.board import BoardAction, fleet


class ActionModule(BoardAction):
    """See the module's documentation."""

    name = "device_facts"

    def act(self, board: Any, arguments: dict[str, Any]) -> dict[str, Any]:
        """Do it."""
        return fleet.device_facts(board)
