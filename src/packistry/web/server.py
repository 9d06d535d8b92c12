"""`packistry serve`: the application, the workers and the scheduler, in one process or several."""

import logging
from collections.abc import Callable
from typing import Any

from packistry.jobs.scheduler import Scheduler
from packistry.jobs.worker import Workers
from packistry.runtime import Runtime
from packistry.settings import Settings
from packistry.web.application import make_app
from packistry.web.http import listen as listen_on
from packistry.web.parts import WAITERS
from packistry.web.processes import run, run_many

log = logging.getLogger(__name__)


class _Process:
    """What one process of the server runs."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._application = make_app(runtime)
        self._workers = Workers(runtime)
        self._scheduler = Scheduler(runtime)
        self._workers.start()
        self._scheduler.start()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        return self._application(environ, start_response)

    def close(self) -> None:
        self._scheduler.stop()
        self._workers.stop()
        self._application.close()
        self._runtime.close()


def serve(
    runtime: Runtime,
    *,
    listen: str = "",
    processes: int = 1,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGTERM or SIGINT, in the main thread. Closes the runtime.

    `listen` is HOST:PORT, "" as the settings say. The database is expected to be up to date.
    `ready` is called once the address is ours.
    Raises OSError when the address cannot be had, ConfigurationError when a stored secret needs a
    key that is not here.
    """
    runtime.check_keys()
    settings = runtime.settings
    host, _, port = (listen or settings.listen).rpartition(":")
    with listen_on(host.strip("[]"), int(port)) as listening:
        ready()
        # Threads for those that wait for a dist come on top: the others go on being answered.
        threads, most = settings.threads + WAITERS, settings.max_archive_bytes
        if processes == 1:
            run(lambda: _Process(runtime), listening, threads=threads, max_upload=most)
            return
        # A connection must not be shared with a child: each opens its own.
        runtime.close()
        run_many(lambda: _fresh(settings), listening, processes, threads=threads, max_upload=most)


def _fresh(settings: Settings) -> _Process:
    return _Process(Runtime(settings))
