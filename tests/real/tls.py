"""A certificate for tests, made anew in each run."""

from __future__ import annotations

import datetime
import ssl as standard_ssl
import tempfile
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.internet import ssl


@cache
def certificate() -> ssl.PrivateCertificate:
    """A self-signed certificate for localhost, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return ssl.PrivateCertificate.loadPEM(made.public_bytes(serialization.Encoding.PEM) + secret)


def client_side(sock: Any, **options: Any) -> standard_ssl.SSLSocket:
    """Wrap a client's socket; whoever answers is trusted."""
    context = standard_ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = standard_ssl.CERT_NONE
    return context.wrap_socket(sock, **options)


@cache
def _server_context() -> standard_ssl.SSLContext:
    context = standard_ssl.SSLContext(standard_ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:  # a context takes no key but from a file
        file.write(certificate().dumpPEM())
        file.flush()
        context.load_cert_chain(file.name)
    return context


def server_side(sock: Any) -> standard_ssl.SSLSocket:
    """Wrap a socket that a server has accepted."""
    return _server_context().wrap_socket(sock, server_side=True)
