"""How connections of different protocols say goodbye."""

from __future__ import annotations

from typing import Any

from txresource.registry import class_key, find_by_class

__all__ = (
    "DrainPolicy",
    "find_policy",
    "register_policy",
)


class DrainPolicy:
    """
    The policy for a protocol of which nothing is known: it is idle, and lost at once.

    ``loseConnection`` sends what was written before; a peer that does not read meets the deadline.
    """

    def busy(self, protocol: Any) -> bool:
        """Say whether an answer is under way that should be let through."""
        return False

    def goodbye(self, protocol: Any, transport: Any) -> bool:
        """
        Tell the peer that no more will be served.

        :returns: true where the connection has been told to close, or will close by itself.
        """
        if self.busy(protocol):
            return False
        self.lose(protocol, transport)
        return True

    def lose(self, protocol: Any, transport: Any) -> None:
        """Close softly."""
        transport.loseConnection()

    def expects(self, protocol: Any) -> bool:
        """Say whether a peer that has just connected can be expected to ask for something."""
        return False

    def linger(self, protocol: Any, transport: Any) -> None:
        """Tell the peer with the next answer that it is the last one; here nothing can be told."""

    def hear(self, protocol: Any, transport: Any) -> bool:
        """
        Get ready for what has arrived, which is lost when an idle connection is.

        :returns: whether to read it.
        """
        return not self.busy(protocol)


_policies: dict[Any, DrainPolicy] = {object: DrainPolicy()}


def register_policy(protocol_class: type | str, policy: DrainPolicy) -> None:
    """
    Say how connections of a protocol class and its subclasses say goodbye.

    :param protocol_class: the class, or its full name where it is not imported for this.
    """
    _policies[class_key(protocol_class)] = policy


def find_policy(protocol: Any, beyond: type | None = None) -> DrainPolicy:
    """
    The policy of the nearest class of a protocol.

    :param beyond: a class whose own policy is passed over; ``None``: none is.
    """
    policy: DrainPolicy = find_by_class(_policies, type(protocol), beyond)
    return policy
