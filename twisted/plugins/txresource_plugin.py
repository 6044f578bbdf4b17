"""Makes ``twistd txresource`` and ``twist txresource`` known to Twisted.

Twisted imports this file whenever it looks for a plugin, in every program of
the environment: so it imports nothing but Twisted.
"""

from __future__ import annotations

from twisted.application.service import ServiceMaker

txresource = ServiceMaker(
    "txresource",
    "txresource.tap",
    "Take a plugin or .tac into care: close all, find leaks.",
    "txresource",
)
