"""Boards to test with.

`sshd` is a real OpenSSH server on loopback: `SshTransport(sshd.host, config=sshd.config)` reaches it, and so does a command
with `--host board --ssh-config FILE`. See `_sshd.SshServer` for what can be made wrong with it.
"""

import shutil
from collections.abc import Iterator

import pytest

from ._sshd import SshServer, make_server


@pytest.fixture
def sshd() -> Iterator[SshServer]:
    """A started board; nothing of it is left afterwards."""
    server = make_server()
    try:
        server.start()
        yield server
    finally:
        server.close()
        shutil.rmtree(server.folder)
