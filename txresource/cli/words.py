"""Numbers as a reader wants them: counted, in bytes, as a time."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from txresource.leaks.wording import size_text

__all__ = ("counted", "gain_text", "moment")

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def counted(number: float, thing: str) -> str:
    """``1 file``, ``12,040 files``.

    :param thing: one of them, in a word that takes an ``s``.
    """
    return f"{number:,.0f} {thing}{'' if abs(number) == 1 else 's'}"


def gain_text(number: float, measure: str) -> str:
    """How much more there is, with a sign: ``+3 objects``, ``+1.9 MB``.

    :param measure: ``count`` or ``size``: of what the number is.
    """
    text = size_text(number) if measure == "size" else counted(number, "object")
    return text if number < 0 else f"+{text}"


def moment(epoch: float | None) -> str:
    """A time in UTC, so that reports of several hosts compare; ``None``: not known."""
    try:
        when = _EPOCH + timedelta(seconds=epoch if epoch is not None else float("nan"))
    except (OverflowError, ValueError):
        return "a time that is not known"
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"
