"""What the views share: one process's runtime, and what is made of it for the web."""

from dataclasses import dataclass
from threading import BoundedSemaphore

from packistry.runtime import Runtime
from packistry.services.catalog import Catalog
from packistry.services.downloads import Tally
from packistry.services.reads import Reads
from packistry.services.receiving import Receiver
from packistry.web.kept import Kept

WAITERS = 8
"""Requests that may wait for a dist to be built. The server has as many threads to spare."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Made once, by `packistry.app`."""

    runtime: Runtime
    reads: Reads
    catalog: Catalog
    tally: Tally
    receiver: Receiver
    waiters: BoundedSemaphore
    kept: Kept
