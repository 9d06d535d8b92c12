import errno
import logging
import os
import sys
import threading
import warnings

import click

from packistry.cli.installation import Installation, author, fail, pass_installation
from packistry.cli.parameters import Number
from packistry.runtime import Runtime
from packistry.services.archives import POOL
from packistry.services.documents import rebase
from packistry.services.logs import PlainLines
from packistry.settings import load

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@click.command("serve")
@click.option("--listen", metavar="HOST:PORT", help="Where. Without: as PACKISTRY_LISTEN says.")
@click.option(
    "--processes",
    type=Number(1, 256),
    default=1,
    show_default=True,
    help="How many share the work of answering.",
)
def serve(listen: str | None, processes: int) -> None:
    """Serve the repositories, and import packages unless Redis is set."""
    _log()
    # The web framework takes its time to load, and no other command needs it.
    with warnings.catch_warnings():
        # Pyramid's import of it is no news to an operator.
        warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)
        from packistry.web import server

    runtime = Runtime(load(**({"listen": listen} if listen else {})))
    runtime.prepare()
    runtime.check_keys()

    def ready() -> None:
        rebase(runtime)
        _greet(runtime)

    try:
        server.serve(runtime, processes=processes, ready=ready)
    except OSError as error:
        remedy = (
            "Stop what listens there, or take another with --listen HOST:PORT."
            if error.errno == errno.EADDRINUSE
            else "Take another with --listen HOST:PORT."
        )
        reason = error.strerror or error
        fail(f"{runtime.settings.listen} cannot be listened on: {reason}. {remedy}")
    _leave()


@click.command("worker")
@pass_installation
def worker(installation: Installation) -> None:
    """Run jobs from Redis until stopped. Start as many as there is work for."""
    _log()
    from packistry.jobs.redis_worker import run_worker

    installation.runtime.check_keys()
    run_worker(installation.runtime)


@click.command("migrate")
@pass_installation
def migrate(installation: Installation) -> None:
    """Make the tables, or bring them up to date."""
    installation.bare.prepare()
    click.echo("The database is up to date.")


@click.command("setup-link")
@pass_installation
def setup_link(installation: Installation) -> None:
    """Print a link with which the first administrator signs up. It works once, for an hour."""
    with installation.change() as services:
        link = services.setup.new_link(installation.runtime.settings.base_url)
        services.audit.note("setup-link.made")
    click.echo(link)


def _greet(runtime: Runtime) -> None:
    settings = runtime.settings
    with runtime.change(author()) as services:
        setup = services.setup.new_link(settings.base_url) if services.setup.needed() else ""
        if setup:
            services.audit.note("setup-link.made")
    click.echo(f"Packistry serves {settings.base_url} (listening on {settings.listen})")
    click.echo(f"Data directory: {settings.root}")
    if settings.jobs == "rq":
        click.echo("Jobs go through Redis: start `packistry worker` beside this.")
    if setup:
        click.echo(f"Make the first administrator, within an hour: {setup}")
    # Whoever waits for these lines reads them through a pipe.
    sys.stdout.flush()


def _leave() -> None:
    """End now, though a plugin hangs: Python would wait for the threads of a pool inside it."""
    if not any(thread.name.startswith(POOL) for thread in threading.enumerate()):
        return
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)


def _log() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainLines(LOG_FORMAT))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("alembic").setLevel(logging.WARNING)
