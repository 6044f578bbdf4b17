"""How running and suspended code is read."""

from __future__ import annotations

import weakref
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from txresource.testing.frames import read_locals


class ReadLocalsTests(SynchronousTestCase):
    """Local variables are read without a trace."""

    def test_suspended_generator(self) -> None:
        """A generator whose variables were read frees them as before."""

        def generator(value: Any) -> Any:
            yield
            del value
            yield

        thing: set[int] = set()
        ref = weakref.ref(thing)
        suspended = generator(thing)
        del thing
        next(suspended)
        self.assertEqual(list(read_locals(suspended.gi_frame)), ["value"])
        next(suspended)
        self.assertIsNone(ref())
