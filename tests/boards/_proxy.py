"""A network between the client and the board that fails after so many bytes."""

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable

Passing = Callable[[socket.socket, socket.socket], bool]


class Proxy:
    """Passes connections on to `target`, the first one only until the client has sent `last_byte` bytes; None: all.

    Then both ends are closed. Later connections work. `sent` is what the client of the first one sent.
    """

    def __init__(self, target: int, last_byte: int | None = None) -> None:
        self._target = target
        self._last_byte = last_byte
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.sent = 0
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        pass_on = self._pass_counted
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._serve, args=(client, pass_on), daemon=True))
            self._threads[-1].start()
            pass_on = _pass

    def _serve(self, client: socket.socket, pass_on: Passing) -> None:
        with (
            contextlib.suppress(OSError),
            client,
            socket.create_connection(("127.0.0.1", self._target)) as board,
            selectors.DefaultSelector() as selector,
        ):
            selector.register(client, selectors.EVENT_READ, (board, pass_on))
            selector.register(board, selectors.EVENT_READ, (client, _pass))
            while all(move(key.fileobj, to) for key, _ in selector.select() for to, move in [key.data]):
                pass

    def _pass_counted(self, source: socket.socket, to: socket.socket) -> bool:
        data = source.recv(4096)
        allowed = len(data) if self._last_byte is None else self._last_byte - self.sent
        self.sent += len(data)
        to.sendall(data[:allowed])
        return 0 < len(data) <= allowed

    def close(self) -> None:
        """Accept no more, and wait for the connections' ends."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)


def _pass(source: socket.socket, to: socket.socket) -> bool:
    """Pass on what has come; tell whether there may be more."""
    data = source.recv(4096)
    to.sendall(data)
    return bool(data)
