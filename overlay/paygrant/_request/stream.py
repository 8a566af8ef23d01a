"""Stream: the bytes of a connection, with few system calls: they take a tenth of the time that a cold token takes."""

import socket
import ssl
from contextlib import suppress
from typing import Any

import httpcore


class Stream(httpcore.NetworkStream):
    """Sends a small request as one packet, and sets the time limit of its socket only when it changes.

    Args:
        stream: The stream of httpcore. It connects, begins TLS, and closes.
    """

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream
        self._written: list[bytes] = []
        is_tls_in_tls = isinstance(stream.get_extra_info("ssl_object"), ssl.SSLObject)
        self._socket: socket.socket | None = None if is_tls_in_tls else stream.get_extra_info("socket")
        """What is read and written directly. TLS within TLS has no socket of its own."""

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - reading has the same limit
        """Note what is to be sent."""
        self._written.append(buffer)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Send what was written, and read.

        A server that closes its connection early may have responded all the same, so a failure to write is no end.
        """
        if self._written:
            joined, self._written = b"".join(self._written), []
            with suppress(httpcore.WriteError):
                self._send(joined, timeout)
        if self._socket is None:
            return self._stream.read(max_bytes, timeout)
        try:
            _limit(self._socket, timeout)
            return self._socket.recv(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout(error) from error
        except OSError as error:
            raise httpcore.ReadError(error) from error

    def _send(self, joined: bytes, timeout: float | None) -> None:
        if self._socket is None:
            self._stream.write(joined, timeout)
            return
        try:
            _limit(self._socket, timeout)
            self._socket.sendall(joined)
        except TimeoutError as error:
            raise httpcore.WriteTimeout(error) from error
        except OSError as error:
            raise httpcore.WriteError(error) from error

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> "Stream":
        """Begin TLS."""
        return Stream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """A fact about the connection (https://www.encode.io/httpcore/network-backends/)."""
        return self._stream.get_extra_info(info)


def _limit(opened: socket.socket, timeout: float | None) -> None:
    """Set the time limit of a socket."""
    if opened.gettimeout() != timeout:
        opened.settimeout(timeout)
