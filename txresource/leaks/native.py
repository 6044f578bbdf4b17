"""Objects that hold memory which is not Python's: small to look at, large in the process."""

from __future__ import annotations

from collections.abc import Mapping

from txresource.heap.census import Census

__all__ = ("NATIVE", "native_holders")

#: Bytes of native memory behind an object, by the name of its type, as measured on Linux. A TLS
#: context has loaded the authorities of the system, a compressor has been used.
NATIVE: Mapping[str, int] = {
    "OpenSSL.SSL.Connection": 70_000,
    "OpenSSL.SSL.Context": 900_000,
    "_bz2.BZ2Compressor": 210_000,
    "_bz2.BZ2Decompressor": 500_000,
    "_lzma.LZMACompressor": 17_800_000,
    "_lzma.LZMADecompressor": 205_000,
    "sqlite3.Connection": 29_000,
    "ssl.SSLContext": 850_000,
    "ssl.SSLObject": 40_000,
    "ssl.SSLSocket": 40_000,
    "threading.Thread": 20_000,
    "zlib.Compress": 268_000,
    "zlib.Decompress": 41_000,
}


def native_holders(census: Census) -> list[list[str | int]]:
    """
    What holds native memory: name of the type, objects, and their native bytes, an estimate.

    The most bytes come first.
    """
    found = [
        (row.count * NATIVE[row.type_name], row.type_name, row.count)
        for row in census.rows
        if row.count and row.type_name in NATIVE
    ]
    return [[name, count, size] for size, name, count in sorted(found, reverse=True)]
