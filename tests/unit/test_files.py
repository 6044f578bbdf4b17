"""Files of a command line, checked before anything starts."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.application.service import IService
from twisted.trial.unittest import SynchronousTestCase

from txresource.files import (
    UnusableFile,
    check_history,
    check_report,
    groups_of,
    load_application,
    may_write,
)

#: A user that is surely not the one who runs the tests, and has no name.
STRANGER = 54321


class FolderCase(SynchronousTestCase):
    """A folder of the test's own that everybody can reach."""

    def setUp(self) -> None:
        """Make it."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir(parents=True)

    def refused(self, path: str, uid: int | None = None) -> str:
        """What is said against a report."""
        return str(self.assertRaises(UnusableFile, check_report, path, uid))


class ReportTests(FolderCase):
    """Where a report may go."""

    def test_good(self) -> None:
        """A new file, an empty one and an old report in a folder of ours are fine."""
        path = self.folder / "r.json"
        check_report(str(path), None)
        for text in ("", '{"tool": "txresource 1"}'):
            path.write_text(text)
            check_report(str(path), None)
            self.assertEqual(path.read_text(), text)

    def test_bad(self) -> None:
        """A folder, a missing folder, a file as a folder and a stranger's file are refused."""
        strange = self.folder / "notes.json"
        strange.write_text("mine")
        for path, words in {
            str(self.folder): "it is a directory",
            str(self.folder / "none" / "r.json"): f"there is no {self.folder / 'none'}",
            str(strange / "r.json"): f"there is no {strange}",
            str(strange): "is not a report of txresource",
        }.items():
            said = self.refused(path)
            self.assertIn(words, said)
            self.assertEqual(len(said.splitlines()), 1)
        self.assertEqual(strange.read_text(), "mine")

    def test_not_regular(self) -> None:
        """A FIFO, and a device, is refused: it would be waited for, or replaced by a file."""
        path = self.folder / "fifo"
        os.mkfifo(path)
        for each in (str(path), os.devnull):
            self.assertIn("it is not a regular file", self.refused(each))

    def test_other_user(self) -> None:
        """A folder that the user who will write may not write to is refused, by that user."""
        self.folder.chmod(0o755)
        said = self.refused(str(self.folder / "r.json"), STRANGER)
        self.assertIn(f"by user {STRANGER}: no permission", said)


class HistoryTests(FolderCase):
    """Where snapshots may be kept."""

    def refused_history(self, path: Path, uid: int | None = None) -> str:
        """What is said against a folder."""
        said = str(self.assertRaises(UnusableFile, check_history, str(path), uid))
        self.assertEqual(len(said.splitlines()), 1)
        return said

    def test_good(self) -> None:
        """A folder of ours is fine, whatever is in it."""
        (self.folder / "notes").write_text("mine")
        check_history(str(self.folder), None)

    def test_bad(self) -> None:
        """A missing folder and a file as a folder are refused."""
        missing, file = self.folder / "none", self.folder / "file"
        file.write_text("mine")
        start = "snapshots cannot be kept in"
        self.assertEqual(
            self.refused_history(missing), f"{start} {missing}: there is no such folder"
        )
        self.assertEqual(self.refused_history(file), f"{start} {file}: it is not a folder")

    def test_other_user(self) -> None:
        """A folder that the user who will write may not write to is refused, by that user."""
        self.folder.chmod(0o755)
        said = self.refused_history(self.folder, STRANGER)
        self.assertIn(f"by user {STRANGER}: no permission", said)


class PermissionTests(FolderCase):
    """What a user may do, from the modes on the way."""

    def setUp(self) -> None:
        """Modes on the way to the folder are those of the folder above alone."""
        super().setUp()
        self.below = self.folder / "below"
        self.below.mkdir()
        self.reachable = all(part.stat().st_mode & 1 for part in self.folder.parents)

    def test_modes(self) -> None:
        """To make files a stranger needs writing and passing there, and passing on the way."""
        for above, mode, may in [
            (0o711, 0o777, self.reachable),
            (0o711, 0o773, self.reachable),
            (0o711, 0o776, False),
            (0o711, 0o775, False),
            (0o710, 0o777, False),
        ]:
            self.folder.chmod(above)
            self.below.chmod(mode)
            self.assertEqual(may_write(str(self.below), STRANGER), may, (oct(above), oct(mode)))

    def test_own_user_and_root(self) -> None:
        """The present user is asked of the system; root may anything."""
        self.assertTrue(may_write(str(self.below), os.geteuid()))
        self.assertTrue(may_write(str(self.below), 0))

    def test_nameless_user(self) -> None:
        """A user without a name has no groups."""
        self.assertEqual(groups_of(STRANGER), frozenset())
        self.assertIn(os.getgid(), groups_of(os.getuid()) | {os.getgid()})


class ApplicationTests(FolderCase):
    """What a .tac makes."""

    def tac(self, text: str) -> str:
        """A file with this text."""
        path = self.folder / "app.tac"
        path.write_text(text, "utf-8")
        return str(path)

    def said(self, text: str) -> str:
        """What is said against a file with this text."""
        return str(self.assertRaises(UnusableFile, load_application, self.tac(text)))

    def test_good(self) -> None:
        """A file that makes an application gives it."""
        application = load_application(
            self.tac("from twisted.application.service import Application as A\napplication=A('x')")
        )
        self.assertEqual(IService(application).name, "x")

    def test_missing(self) -> None:
        """A file that is not there, and a folder, cannot be read."""
        for path in (self.folder / "none.tac", self.folder):
            error = self.assertRaises(UnusableFile, load_application, str(path))
            self.assertIn(f"{path} cannot be read: ", str(error))

    def test_not_python(self) -> None:
        """A file that does not parse is refused with the line; so are null bytes and no UTF-8."""
        self.assertIn("(line 2)", self.said("x = 1\nx = = 2\n"))
        self.assertIn("is not Python", self.said("x = '\0'"))
        path = Path(self.tac(""))
        path.write_bytes(b"x = '\xff'")
        error = self.assertRaises(UnusableFile, load_application, str(path))
        self.assertIn("is not Python", str(error))

    def test_no_application(self) -> None:
        """A file that defines none, or something else by that name, is refused."""
        self.assertIn("defines no application", self.said("x = 1"))
        self.assertIn("is not a service", self.said("application = 3"))

    def test_its_own_error(self) -> None:
        """An error of its own code, a KeyError, too, comes through as it is."""
        for kind, text in ((ZeroDivisionError, "1 / 0"), (KeyError, "{}['application']")):
            self.assertRaises(kind, load_application, self.tac(text))
