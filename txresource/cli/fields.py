"""Reading plain data that anybody may have written: each value is what it should be, or it is said."""

from __future__ import annotations

from typing import Any

__all__ = ("Fields",)

#: No count, size or time is larger; an integer of a thousand digits could not even be shown.
_MOST = 1e18


class Fields:
    """
    An object of JSON; a key that is missing, or null, has its default.

    :param data: what was read.
    :param what: how it is called in errors.
    :raises ValueError: it is no object.
    """

    def __init__(self, data: Any, what: str) -> None:
        if not isinstance(data, dict):
            raise ValueError(f"{what} is no object")
        self._data = data
        self._what = what

    def text(self, key: str, default: str = "") -> str:
        """A text.

        :raises ValueError: it is something else.
        """
        value = self._data.get(key)
        if value is None:
            return default
        if not isinstance(value, str):
            raise ValueError(f"{self._what} has something else than a text as {key!r}")
        return value

    def number(self, key: str) -> float | None:
        """A number, an integer where it is one; ``None``: it is not there.

        :raises ValueError: it is something else, or beyond all measure.
        """
        value: Any = self._data.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{self._what} has something else than a number as {key!r}")
        if not -_MOST < value < _MOST:
            raise ValueError(f"{self._what} has a number as {key!r} that is beyond all measure")
        return value

    def truth(self, key: str) -> bool:
        """Yes or no; no where it is not there."""
        return self._data.get(key) is True

    def items(self, key: str) -> list[Any]:
        """A list.

        :raises ValueError: it is something else.
        """
        value = self._data.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise ValueError(f"{self._what} has something else than a list as {key!r}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts.

        :raises ValueError: it is something else.
        """
        values = self.items(key)
        if not all(isinstance(value, str) for value in values):
            raise ValueError(f"{self._what} has something else than texts in {key!r}")
        return tuple(values)

    def inner(self, key: str) -> Fields | None:
        """An object; ``None``: it is not there.

        :raises ValueError: it is something else.
        """
        value = self._data.get(key)
        return None if value is None else Fields(value, f"{key!r}")
