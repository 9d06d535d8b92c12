"""Facts for plugins: collected during a transaction, told after it in a job of their own."""

import json
import logging

from packistry.plugin import Event
from packistry.plugin.events import pack_event, unpack_event
from packistry.queue import Queue
from packistry.services.plugins import Plugins

JOB = "deliver_event"
HOOK = "packistry_event"

log = logging.getLogger(__name__)


class Events:
    """Tells plugins what happened.

    An event is told at most once: it is not in the ledger, so a process that is killed between
    the commit and the delivery takes it along. Whoever must not miss a fact asks the API.
    """

    def __init__(self, plugins: Plugins, queue: Queue) -> None:
        self.plugins = plugins
        self.queue = queue

    @property
    def heard(self) -> bool:
        """Whether any plugin listens."""
        return any(HOOK in plugin.hooks for plugin in self.plugins.loaded)

    def announce(self, event: Event) -> None:
        """Tell the fact once the thread's transaction has committed; never if it aborts."""
        if self.heard:
            # The queue has no row to look the event up in: it carries the event itself, as text.
            self.queue.enqueue(JOB, json.dumps(pack_event(event)))

    def deliver(self, packed: str) -> None:
        """Tell every plugin, one at a time, what `announce` packed. Runs in a job.

        An event of a kind this process does not know, sent by a newer one, is dropped.
        """
        try:
            event = unpack_event(json.loads(packed))
        except (ValueError, TypeError, KeyError, AttributeError):
            log.warning("An event that cannot be read was dropped.")
            return
        self.plugins.emit(event)
