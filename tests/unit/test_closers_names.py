"""Closers and goodbyes that are registered by the name of a class."""

from __future__ import annotations

from typing import Any

from twisted.python.reflect import namedAny
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from txresource import closers, registry
from txresource.closers.database import DatabaseCloser
from txresource.closers.goodbye import find_policy
from txresource.registry import find_by_class

#: Where users import each class from.
CLOSERS: dict[str, type] = {
    "twisted.application.internet.ClientService": closers.ClientServiceCloser,
    "twisted.enterprise.adbapi.ConnectionPool": DatabaseCloser,
    "twisted.internet.udp.Port": closers.DatagramCloser,
    "twisted.python.threadpool.ThreadPool": closers.ThreadPoolCloser,
    "twisted.web.client.HTTPConnectionPool": closers.ConnectionPoolCloser,
}
POLICIES: dict[str, type] = {
    "twisted.web.http.HTTPChannel": closers.HTTP1Policy,
    "twisted.web.client.HTTP11ClientProtocol": closers.HTTPClientPolicy,
}


class NameTests(SynchronousTestCase):
    """The names are those under which Twisted has the classes."""

    def policy(self, name: str) -> Any:
        """What is found for an instance."""
        kind = namedAny(name)
        return find_policy(kind.__new__(kind))

    def test_closers(self) -> None:
        """Each class has the closer that was registered by its name."""
        for name, closer in CLOSERS.items():
            self.assertIs(type(find_by_class(registry._by_class, namedAny(name))), closer, name)

    def test_policies(self) -> None:
        """Each protocol says goodbye as was registered by its name."""
        for name, policy in POLICIES.items():
            self.assertIs(type(self.policy(name)), policy, name)

    def test_http2(self) -> None:
        """So does HTTP/2, where that is installed."""
        try:
            policy = self.policy("twisted.web._http2.H2Connection")
        except Exception as error:
            raise SkipTest(f"HTTP/2 is not installed: {error}") from None
        self.assertIs(type(policy), closers.HTTP2Policy)
