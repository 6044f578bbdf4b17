"""An application with a user, a log of its own, and a service that tells who it is."""

import json
import os

from twisted.application.service import Application, Service
from twisted.internet import reactor
from twisted.logger import ILogObserver, formatEvent
from zope.interface import provider


@provider(ILogObserver)
def observer(event):
    with open(os.environ["OBSERVED"], "a") as file:
        file.write(f"{formatEvent(event)}\n")


class Who(Service):
    def startService(self):
        super().startService()
        reactor.callWhenRunning(self.tell)

    def tell(self):
        print(json.dumps(["who", os.getuid(), os.getgid(), os.getpid(), os.getcwd()]), flush=True)


uid = int(os.environ["AS_USER"]) if "AS_USER" in os.environ else None
application = Application("plain", uid=uid, gid=uid)
application.setComponent(ILogObserver, observer)
Who().setServiceParent(application)
