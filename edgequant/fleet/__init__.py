"""What Ansible's collection edgequant.board does on each board, and the page of what became of all of them.

One call is one task on one board, through one connection: `reach` makes it, and the others return what they found as
plain JSON types. What keeps a board from doing its work is no exception here but `failed` with a sentence in `msg`,
because the other boards go on.
"""

from ._choice import choose_bundle
from ._connection import demand_of, reach, reach_here
from ._farm import smoke_farm
from ._page import write_html, write_json, write_junit
from ._run import BoardState, FleetRun
from ._tasks import bench, device_facts, release, smoke

__all__ = [
    "BoardState",
    "FleetRun",
    "bench",
    "choose_bundle",
    "demand_of",
    "device_facts",
    "reach",
    "reach_here",
    "release",
    "smoke",
    "smoke_farm",
    "write_html",
    "write_json",
    "write_junit",
]
