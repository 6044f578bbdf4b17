"""What the kernel knows of a TCP connection, and has counted all along."""

from __future__ import annotations

import socket
import struct
import sys
from typing import Any

__all__ = (
    "KNOWN",
    "byte_counts",
    "idle_seconds",
    "read_tcp_info",
)

# Linux's struct tcp_info, which grows at its end: a kernel that gives less of it does not know.
_LAST_DATA = struct.Struct("@IxxxxI"), 44  # tcpi_last_data_sent and tcpi_last_data_recv
_RECEIVED = struct.Struct("@Q"), 128  # tcpi_bytes_received, from Linux 4.1 on
_SENT = struct.Struct("@QQ"), 200  # tcpi_bytes_sent and tcpi_bytes_retrans, from Linux 4.19 on
_TCP_INFO = getattr(socket, "TCP_INFO", None) if sys.platform == "linux" else None

#: Whether the kernel can be asked.
KNOWN = _TCP_INFO is not None


def read_tcp_info(handle: Any) -> bytes:
    """
    Ask the kernel about a socket; a microsecond.

    :param handle: a socket.
    :returns: what it knows; nothing where there is no TCP, no Linux, or a socket that is closed.
    """
    if _TCP_INFO is None:
        return b""
    try:
        info: bytes = handle.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, 256)
    except (AttributeError, OSError):  # Twisted drops the socket when it closes it
        return b""
    return info


def byte_counts(info: bytes) -> tuple[int | None, int | None]:
    """
    Bytes received and sent, each counted once.

    :param info: what :func:`read_tcp_info` read.
    :returns: ``None`` for what is not known: nothing was read, or by an old kernel.
    """
    received, sent = _numbers(info, *_RECEIVED), _numbers(info, *_SENT)
    return received[0] if received else None, sent[0] - sent[1] if sent else None


def idle_seconds(info: bytes) -> float | None:
    """
    Seconds since data was last sent or received, or since the connection was made.

    :param info: what :func:`read_tcp_info` read.
    :returns: ``None`` where nothing was read.
    """
    milliseconds = _numbers(info, *_LAST_DATA)
    return min(milliseconds) / 1000 if milliseconds else None


def _numbers(info: bytes, form: struct.Struct, offset: int) -> tuple[int, ...]:
    return form.unpack_from(info, offset) if len(info) >= offset + form.size else ()
