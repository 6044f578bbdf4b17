"""What systemd, or whoever else set ``NOTIFY_SOCKET``, is told of a process in care."""

from __future__ import annotations

import os
import socket

from twisted.logger import Logger

__all__ = ("Notifier",)

log = Logger()


class Notifier:
    """
    Sends messages as ``sd_notify(3)`` does; without an address it sends nothing.

    The variable stays in the environment: child processes that want to tell something find it,
    and ``NotifyAccess=`` says whether they are heard.

    :param address: a path, or ``@`` and the name of an abstract socket; ``None``: what
        ``NOTIFY_SOCKET`` says, which is nothing, most often.
    :param patience: seconds that a listener who is behind with reading may hold us up.
    """

    def __init__(self, address: str | None = None, patience: float = 1.0) -> None:
        self._address = os.environ.get("NOTIFY_SOCKET", "") if address is None else address
        self._patience = patience
        self._complained = False

    def __repr__(self) -> str:
        return f"<Notifier to {self._address or 'nobody'}>"

    def send(self, *assignments: str) -> None:
        """
        Tell it in one message; the first one that cannot be sent is a line in the log.

        :param assignments: ``"READY=1"`` and the like, each one line.
        """
        if not self._address:
            return
        try:
            self._send("\n".join(assignments).encode())
        except OSError as error:
            if not self._complained:
                log.warn(
                    "NOTIFY_SOCKET {address} cannot be told: {why}",
                    address=self._address,
                    why=error.strerror or str(error),
                )
            self._complained = True

    def _send(self, message: bytes) -> None:
        """
        :raises OSError: nobody listens there, or does not read, or the address is of another kind.
        """
        if self._address[0] not in "/@":
            raise OSError("it is neither a path nor the name of an abstract socket")
        name = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.settimeout(self._patience)
            out.connect(name)
            out.send(message)
