"""Files that a command line names: checked before anything starts."""

from __future__ import annotations

import os
import pwd
from typing import Any

from twisted.application.service import IService
from twisted.persisted import sob

from txresource.errors import ResourceError
from txresource.leaks.report import read_signatures

__all__ = (
    "UnusableFile",
    "check_history",
    "check_report",
    "groups_of",
    "load_application",
    "may_write",
)


class UnusableFile(ResourceError):
    """A file that was named cannot be used; the message is one sentence for the user."""


def check_report(path: str, uid: int | None) -> None:
    """
    Check that a report can be written by the user who will write it.

    :param path: absolute.
    :param uid: the user that the process will be; ``None``: the one it is.
    :raises UnusableFile: it cannot, or what is there is no report.
    """
    directory = os.path.dirname(path)
    if os.path.isdir(path):
        raise UnusableFile(f"the report {path} cannot be written: it is a directory")
    if not os.path.isdir(directory):
        raise UnusableFile(f"the report {path} cannot be written: there is no {directory}")
    _check_writable(f"the report {path} cannot be written", directory, uid)
    try:
        read_signatures(path)
    except ValueError as error:
        raise UnusableFile(str(error)) from None
    except OSError as error:
        raise UnusableFile(f"the report {path} cannot be read: {error.strerror}") from None


def check_history(path: str, uid: int | None) -> None:
    """
    Check that snapshots can be kept in a folder by the user who will keep them.

    :param path: absolute.
    :param uid: the user that the process will be; ``None``: the one it is.
    :raises UnusableFile: they cannot.
    """
    trouble = f"snapshots cannot be kept in {path}"
    if not os.path.isdir(path):
        what = "it is not a folder" if os.path.exists(path) else "there is no such folder"
        raise UnusableFile(f"{trouble}: {what}")
    _check_writable(trouble, path, uid)


def _check_writable(trouble: str, directory: str, uid: int | None) -> None:
    if not may_write(directory, os.geteuid() if uid is None else uid):
        who = "" if uid is None else f" by user {uid}"
        raise UnusableFile(f"{trouble}{who}: no permission")


def may_write(directory: str, uid: int) -> bool:
    """Say whether a user may make files in a directory."""
    if uid == os.geteuid():
        return os.access(directory, os.W_OK | os.X_OK)
    if uid == 0:
        return True
    groups = groups_of(uid)
    above = directory
    while above != os.path.dirname(above):
        above = os.path.dirname(above)
        if not _permits(above, 1, uid, groups):
            return False
    return _permits(directory, 3, uid, groups)


def groups_of(uid: int) -> frozenset[int]:
    """The groups of a user; none for a user that has no name."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return frozenset()
    return frozenset(os.getgrouplist(entry.pw_name, entry.pw_gid))


def _permits(path: str, wanted: int, uid: int, groups: frozenset[int]) -> bool:
    status = os.stat(path)
    shift = 6 if status.st_uid == uid else 3 if status.st_gid in groups else 0
    return (status.st_mode >> shift) & wanted == wanted


def load_application(path: str) -> Any:
    """
    Run a ``.tac`` file.

    :returns: its ``application``.
    :raises UnusableFile: it is not there, is not Python, or makes no application. An error that
        its own code raises is passed on as it is.
    """
    try:
        with open(path, encoding="utf-8") as file:
            compile(file.read(), path, "exec")
    except OSError as error:
        raise UnusableFile(f"{path} cannot be read: {error.strerror}") from None
    except SyntaxError as error:
        raise UnusableFile(f"{path} is not Python: {error.msg} (line {error.lineno})") from None
    except ValueError as error:
        raise UnusableFile(f"{path} is not Python: {error}") from None
    try:
        application = sob.loadValueFromFile(path, "application")
    except KeyError as error:
        if error.__traceback__ is None or not _raised_by(error, sob.__file__):
            raise
        raise UnusableFile(f"{path} defines no application") from None
    if IService(application, None) is None:
        raise UnusableFile(f"{path} defines an application that is not a service")
    return application


def _raised_by(error: BaseException, filename: str) -> bool:
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback is not None and traceback.tb_frame.f_code.co_filename == filename
