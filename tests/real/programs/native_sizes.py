"""Makes objects that hold native memory, used as programs use them, and says how much each holds."""

from __future__ import annotations

import bz2
import datetime
import gc
import json
import lzma
import os
import socket
import sqlite3
import ssl
import sys
import tempfile
import threading
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from txresource.heap.memory import resident_size

DATA = os.urandom(200_000)
#: As many as the systems of today trust.
AUTHORITIES = 144
#: Enough of each that what the allocator rounds up to does not count.
TOTAL = 10_000_000
KEPT: list[Any] = []


def authority(number: int, key: rsa.RSAPrivateKey) -> bytes:
    """The certificate of an authority that nobody knows."""
    fields = [(NameOID.COUNTRY_NAME, "UK"), (NameOID.ORGANIZATION_NAME, f"Trust {number} Limited")]
    fields += [(NameOID.COMMON_NAME, f"Trust {number} Root Authority")]
    name = x509.Name([x509.NameAttribute(oid, value) for oid, value in fields])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(number + 1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def bundle() -> str:
    """A file of authorities such as a system has."""
    key = rsa.generate_private_key(65537, 2048)
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.writelines(authority(number, key) for number in range(AUTHORITIES))
    return file.name


def pyopenssl_context() -> Any:
    context = SSL.Context(SSL.TLS_METHOD)
    context.load_verify_locations(BUNDLE)
    return context


def pyopenssl_connection() -> Any:
    connection = SSL.Connection(BARE, None)
    connection.set_connect_state()
    with suppress(SSL.WantReadError):
        connection.do_handshake()
    return connection


def ssl_object() -> Any:
    made = PLAIN.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="localhost")
    with suppress(ssl.SSLWantReadError):
        made.do_handshake()
    return made


def ssl_socket() -> Any:
    pair = socket.socketpair()
    KEPT.append(pair[1])
    pair[0].setblocking(False)
    made = PLAIN.wrap_socket(pair[0], server_hostname="localhost", do_handshake_on_connect=False)
    with suppress(ssl.SSLWantReadError):
        made.do_handshake()
    return made


def used(make: Callable[[], Any], compressed: bytes | None = None) -> Callable[[], Any]:
    def once() -> Any:
        made = make()
        if compressed is None:
            made.compress(DATA)
        else:
            made.decompress(compressed[: len(compressed) // 2])
        return made

    return once


def database() -> Any:
    connection = sqlite3.connect(":memory:")
    connection.execute("create table t (a)")
    return connection


def thread() -> Any:
    done = threading.Event()
    made = threading.Thread(target=done.wait, daemon=True)
    made.start()
    return made


BUNDLE = bundle()
BARE = SSL.Context(SSL.TLS_METHOD)
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
MAKERS: dict[str, Callable[[], Any]] = {
    "OpenSSL.SSL.Connection": pyopenssl_connection,
    "OpenSSL.SSL.Context": pyopenssl_context,
    "_bz2.BZ2Compressor": used(bz2.BZ2Compressor),
    "_bz2.BZ2Decompressor": used(bz2.BZ2Decompressor, bz2.compress(DATA)),
    "_lzma.LZMACompressor": used(lzma.LZMACompressor),
    "_lzma.LZMADecompressor": used(lzma.LZMADecompressor, lzma.compress(DATA)),
    "sqlite3.Connection": database,
    "ssl.SSLContext": lambda: ssl.create_default_context(cafile=BUNDLE),
    "ssl.SSLObject": ssl_object,
    "ssl.SSLSocket": ssl_socket,
    "threading.Thread": thread,
    "zlib.Compress": used(zlib.compressobj),
    "zlib.Decompress": used(zlib.decompressobj, zlib.compress(DATA)),
}


def measure(kind: str, about: int) -> float:
    """Bytes that each takes of the process."""
    make = MAKERS[kind]
    KEPT.extend(make() for _ in range(3))
    number = max(3, min(200, TOTAL // about))
    gc.collect()
    before = resident_size()
    KEPT.extend(make() for _ in range(number))
    made = type(KEPT[-1])
    assert f"{made.__module__}.{made.__qualname__}" == kind, made
    return (resident_size() - before) / number


kinds = json.loads(sys.argv[1])
print(json.dumps({kind: measure(kind, about) for kind, about in kinds.items()}))
sys.stdout.flush()
os.unlink(BUNDLE)
os._exit(0)
