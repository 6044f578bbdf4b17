"""Assertions for test cases: nothing was left, and if so, who holds it."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from twisted.internet.defer import Deferred

from txresource.connections import ManagedFactoryMixin
from txresource.scope import Scope, root_scope
from txresource.testing.cycles import CycleCount, as_deferred
from txresource.testing.edges import describe
from txresource.testing.holders import Held, HolderSearch
from txresource.tree import CLOSED

__all__ = ("LeakAssertionsMixin",)


class LeakAssertionsMixin:
    """
    Mix into a ``TestCase`` or ``SynchronousTestCase``, before or after it.

    A failure is one sentence, then the details. Names of types, functions, attributes and local
    variables are shown, values never.
    """

    if TYPE_CHECKING:

        def fail(self, msg: object = None) -> NoReturn:
            """Comes from the test case."""

    def assertCollected(self, obj_or_ref: object) -> None:
        """
        Fail if anything but the running test keeps an object alive.

        Garbage does not count: it is collected first where it could make a difference. Local
        variables of the functions that run now, of the test's own generators and coroutines, the
        attributes of the test case, its clean-ups, and the plain lists, dicts, tuples, sets and
        functions in them do not count; what they hold in an object of another kind does. What
        :func:`gc.freeze` has hidden is not seen.

        :param obj_or_ref: the object, or a weak reference to it.
        :raises TypeError: it is ``None`` or a ``weakref.proxy``.
        :raises AssertionError: it is held; the text says by whom, and which edge to cut.
        """
        if isinstance(obj_or_ref, weakref.ProxyTypes):
            raise TypeError("assertCollected takes the object or a weakref.ref, not a proxy")
        if obj_or_ref is None:
            raise TypeError("assertCollected takes the object or a weakref.ref, not None")
        by_ref = isinstance(obj_or_ref, weakref.ref)
        said, sure = _complaint(obj_or_ref, self, sys._getframe(1), by_ref)
        if not sure:
            gc.collect()
            said, _ = _complaint(obj_or_ref, self, sys._getframe(1), by_ref)
        if said is not None:
            self.fail(said)

    def assertNoCycles(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """
        Fail if a call leaves objects behind that only the cyclic collector can free.

        The function is called twice: the first time for what is made once and kept, the second
        time with the collector off, to count. Garbage that others make meanwhile, in the same
        process, is counted as well.

        :param function: returns a plain value, a Deferred or a coroutine; called with the rest.
        :returns: what the second call returned; where it is a Deferred or a coroutine, a Deferred
            that fires with its result after the count. It fails with the function's own error,
            or with ``AssertionError``; cancelling it cancels what the function returned.
        :raises AssertionError: there are such objects; the text counts them by type.
        """
        first = as_deferred(function(*args, **kwargs))
        if isinstance(first, Deferred):
            return first.addCallback(lambda _: self._count_cycles(function, args, kwargs))
        del first
        return self._count_cycles(function, args, kwargs)

    def _count_cycles(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        count = CycleCount()
        try:
            result = as_deferred(function(*args, **kwargs))
        except BaseException:
            count.give_up()
            raise
        if isinstance(result, Deferred):
            return result.addCallbacks(self._check_cycles, count.give_up, (count,))
        return self._check_cycles(result, count)

    def _check_cycles(self, result: Any, count: CycleCount) -> Any:
        left = count.finish()
        if left:
            many = f"{left.total()} object{'s' * (left.total() > 1)}"
            lines = [f"    {number} {name}" for name, number in left.most_common()]
            self.fail("\n".join([f"the call left {many} to the cyclic collector:", *lines]))
        return result

    def assertAllClosed(self, scope_or_reactor: Any) -> None:
        """
        Fail if anything in an ownership tree is still open.

        :param scope_or_reactor: a :class:`~txresource.scope.Scope`, which must be closed itself;
            or a reactor, whose root must own nothing.
        :raises TypeError: it is neither.
        :raises AssertionError: something is open; the text is the tree.
        """
        if not isinstance(scope_or_reactor, Scope):
            if not hasattr(scope_or_reactor, "seconds"):
                name = describe(scope_or_reactor)
                raise TypeError(f"assertAllClosed takes a Scope or a reactor, not {name}")
            scope_or_reactor = root_scope(scope_or_reactor)
        is_root = scope_or_reactor._node.parent is None
        tree = scope_or_reactor.tree()
        if tree.children or not (is_root or tree.state == CLOSED):
            self.fail(f"{tree.kind} {tree.name} is not all closed:\n{_indented(str(tree))}")

    def assertConnectionsClosed(self, factory: ManagedFactoryMixin) -> None:
        """
        Fail if a factory still has connections.

        :raises TypeError: it has no :class:`~txresource.connections.ManagedFactoryMixin`.
        :raises AssertionError: it has; the text lists them, oldest first.
        """
        if not isinstance(factory, ManagedFactoryMixin):
            raise TypeError(f"{describe(factory)} is not a ManagedFactoryMixin")
        live = factory.liveConnections
        if live:
            many = f"{len(live)} open connection{'s' * (len(live) > 1)}"
            lines = [f"    {one.protocol}  {one.state}, {one.age:.1f} s" for one in live]
            self.fail("\n".join([f"{describe(factory)} has {many}:", *lines]))


def _target_of(obj_or_ref: object) -> object:
    if isinstance(obj_or_ref, weakref.WeakMethod):
        # Each call makes a method of its own; its object is what is meant.
        method = obj_or_ref()
        return None if method is None else method.__self__
    return obj_or_ref() if isinstance(obj_or_ref, weakref.ref) else obj_or_ref


def _complaint(
    obj_or_ref: object, test: object, frame: FrameType | None, by_ref: bool
) -> tuple[str | None, bool]:
    """What there is to say against an object that should be gone, and whether that is sure."""
    target = _target_of(obj_or_ref)
    if by_ref and target is None:
        return None, True
    search = HolderSearch(target, test, frame)
    held = search.find()
    return _in_words(describe(target), held, search, by_ref), search.sure


def _in_words(name: str, held: Held | None, search: HolderSearch, by_ref: bool) -> str | None:
    if held is not None:
        return f"{name} is still held, by {held.cut}:\n{held}"
    if search.gave_up:
        return f"{name} is still held, by more than could be searched."
    if by_ref and not search.by_test:
        return f"{name} is still alive, held by something that Python does not show."
    return None


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
