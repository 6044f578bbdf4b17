"""The twistd plugin: options, and the service they make."""

from __future__ import annotations

import math
import os
from typing import Any

from twisted.application.service import IProcess, IService, IServiceMaker
from twisted.plugin import getPlugins
from twisted.python import usage

from txresource.care import CareService
from txresource.connections import installed_reactor
from txresource.files import UnusableFile, check_history, check_report, load_application

__all__ = (
    "Options",
    "check_places",
    "describe",
    "interval_of",
    "makeService",
    "make_care",
    "outer_option",
    "seconds",
)

_OURS = "txresource"
#: Seconds between snapshots of the demo, where nobody said otherwise: growth shows after five.
_DEMO_INTERVAL = 2.0


def seconds(name: str, text: str | float) -> float:
    """
    Read a number of seconds.

    :param name: the option's name.
    :raises usage.UsageError: it is not a number, or below zero.
    """
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not math.isfinite(number) or number < 0:
        raise usage.UsageError(f"--{name} takes a number of seconds, 0 or more, not {text!r}")
    return number


def outer_option(options: usage.Options, name: str) -> Any:
    """An option of twistd itself; ``None`` where it was not given, or another program runs us."""
    outer = options.parent
    return outer.get(name) if outer is not None else None


class Options(usage.Options):
    """What ``twistd txresource`` takes."""

    synopsis = "[options] PLUGIN [its options]"
    longdesc = (
        "Runs any twistd plugin in care: every connection is closed at shutdown, the heap is"
        " watched from a forked child, and a report says what leaks. PLUGIN is any of the commands"
        " below; or give --application, or --demo."
    )
    optFlags = [
        ["demo", None, "run the bundled chat server, which leaks a Message for each one sent"],
        ["no-leak", None, "run the demo without its leak"],
    ]
    optParameters = [
        [
            "interval",
            None,
            None,
            "seconds between snapshots, 0 for none (60, stretched to 2 % CPU)",
        ],
        ["report", None, None, "write a JSON report to this file"],
        ["history", None, None, "keep snapshot files in this folder"],
        ["grace", None, 10.0, "seconds that shutdown gives to work in flight"],
        ["linger", None, 0.0, "seconds of the grace in which shutdown still takes in work"],
        ["application", None, None, "run the application in this .tac file"],
    ]
    compData = usage.Completions(
        optActions={
            "report": usage.CompleteFiles("*.json"),
            "history": usage.CompleteDirs(),
            "application": usage.CompleteFiles("*.tac"),
        }
    )

    def __init__(self) -> None:
        super().__init__()
        self.makers: dict[str, Any] = {}

    @property
    def subCommands(self) -> list[tuple[str, None, Any, str]]:
        """Every installed plugin but this one."""
        if not self.makers:
            found = getPlugins(IServiceMaker)
            self.makers = {maker.tapname: maker for maker in found if maker.tapname != _OURS}
        return [
            (name, None, lambda maker=maker: maker.options(), maker.description)
            for name, maker in sorted(self.makers.items())
        ]

    def parseOptions(self, options: Any = None) -> None:
        """
        Read the command line.

        Older twistds print a usage error and exit with 0: the end comes from here.
        """
        try:
            super().parseOptions(options)
        except usage.UsageError as error:
            text = str(error)
            if self.subCommand is None and text.startswith("Unknown command"):
                text = f"{text[0].lower()}{text[1:]}; name {self._choices()}"
            raise SystemExit(f"txresource: {text}") from None

    def postOptions(self) -> None:
        """Check what was given, and make paths absolute: a daemon changes its directory."""
        for name in ("interval", "grace", "linger"):
            self[name] = None if self[name] is None else seconds(name, self[name])
        if self["linger"] and self["linger"] >= self["grace"]:
            raise usage.UsageError(
                f"--linger is a part of the grace: it must be less than {self['grace']:g},"
                f" not {self['linger']:g}"
            )
        outer = outer_option(self, "python")
        given = [bool(self.subCommand), bool(self["application"]), bool(outer), bool(self["demo"])]
        self["application"] = self["application"] or outer
        for name in ("report", "history", "application"):
            if self[name] is not None:
                self[name] = os.path.abspath(self[name])
        if sum(given) == 0:
            raise usage.UsageError(f"nothing to take care of: name {self._choices()}")
        if sum(given) > 1:
            raise usage.UsageError("give one of a plugin, an application and --demo, not several")
        if self["no-leak"] and not self["demo"]:
            raise usage.UsageError("--no-leak belongs to --demo")

    def _choices(self) -> str:
        names = ", ".join(name for name, *_ in self.subCommands)
        return f"a plugin ({names}), or --application FILE, or --demo"


def makeService(options: Options) -> CareService:
    """
    Make the service that the options ask for.

    :raises SystemExit: with one sentence, where something that was named cannot be used.
    """
    try:
        return make_care(options)
    except UnusableFile as error:
        raise SystemExit(f"txresource: {error}") from None


def make_care(options: Options) -> CareService:
    """
    Make the service; listeners are managed from before its child is made.

    :raises UnusableFile: something that was named cannot be used.
    """
    uid = outer_option(options, "uid")
    check_places(options, uid)
    care = CareService(
        installed_reactor(),
        grace=options["grace"],
        linger=options["linger"],
        interval=interval_of(options),
        report=options["report"],
        history=options["history"],
        what=describe(options),
    )
    care.takeListeners()
    if options["application"] is not None:
        application = load_application(options["application"])
        care.standFor(application)
        if uid is None:
            check_places(options, IProcess(application).uid)
        child = IService(application)
    elif options["demo"]:
        from txresource.demo import DemoService

        child = DemoService(installed_reactor(), leak=not options["no-leak"])
    else:
        child = options.makers[str(options.subCommand)].makeService(options.subOptions)
    child.setServiceParent(care)
    return care


def check_places(options: Options, uid: int | None) -> None:
    """
    Check that what was asked for can be written.

    :param uid: the user that the process will be; ``None``: the one it is.
    :raises UnusableFile: it cannot.
    """
    if options["report"] is not None:
        check_report(options["report"], uid)
    if options["history"] is not None:
        check_history(options["history"], uid)


def interval_of(options: Options) -> float | None:
    """Seconds between snapshots as ``CareService`` takes them; the demo has more to show in less time."""
    given: float | None = options["interval"]
    return _DEMO_INTERVAL if given is None and options["demo"] else given


def describe(options: Options) -> str:
    """How the log calls what is in care."""
    if options["application"] is not None:
        return str(options["application"])
    return "the demo" if options["demo"] else f"the plugin {options.subCommand}"
