"""Services that end in every way; which ones is said by ENDINGS."""

import json
import os

from twisted.application.service import Application, Service
from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail


def tell(*event):
    print(json.dumps(event), flush=True)


class Good(Service):
    def stopService(self):
        tell("good stopped")
        return super().stopService()


class Raises(Service):
    def stopService(self):
        raise RuntimeError("its own secret")


class Fails(Service):
    def stopService(self):
        return fail(ValueError("its own secret"))


class Hangs(Service):
    def stopService(self):
        return Deferred()


class HangsInATrigger(Service):
    def startService(self):
        super().startService()
        reactor.addSystemEventTrigger("before", "shutdown", Deferred)


class Starts(Service):
    def startService(self):
        super().startService()
        reactor.callWhenRunning(tell, "running")


application = Application("endings")
for name in os.environ["ENDINGS"].split():
    globals()[name]().setServiceParent(application)
Starts().setServiceParent(application)
