"""What the commands work on, and how their errors are told."""

import getpass
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import NoReturn, TypeVar

import click
from sqlalchemy.exc import DBAPIError

from packistry import jobs, settings
from packistry.errors import NotFound, PackistryError
from packistry.models import Setting, Via
from packistry.runtime import Runtime
from packistry.services import Services
from packistry.services.access import SYSTEM
from packistry.services.audit import Author
from packistry.services.documents import BASE_URL

T = TypeVar("T")

# The CLI says what happened in its own words; what the parts log is for a server's log.
QUIET = ("packistry", "alembic", "rq", "txn", "urllib3")
EVENTS = ("deliver_event",)


class Installation:
    """The installation that the environment names; made ready when a command first needs it."""

    @cached_property
    def bare(self) -> Runtime:
        """The runtime as it is, with no table made and nothing migrated."""
        return Runtime(settings.load())

    @cached_property
    def runtime(self) -> Runtime:
        """The runtime, its data directory and tables made if they were not.

        Where no URL is set, it is the one that the server has rendered its documents for: it may
        listen elsewhere than the settings here say.
        """
        self.bare.prepare()
        with self.bare.reading() as services:
            known = services.session.get(Setting, BASE_URL)
            served = known.value if known else ""
        if self.bare.settings.url or not served or served == self.bare.settings.base_url:
            return self.bare
        self.bare.close()
        self.bare = Runtime(settings.load(url=served))
        return self.bare

    @cached_property
    def author(self) -> Author:
        return author()

    @contextmanager
    def reading(self) -> Iterator[Services]:
        """One transaction that only reads."""
        with self.runtime.reading() as services:
            yield services

    @contextmanager
    def change(self) -> Iterator[Services]:
        """One transaction whose changes are recorded in the audit log."""
        with self.runtime.change(self.author) as services:
            yield services

    def attempt(self, work: Callable[[Services], T]) -> T:
        """Run `work` in a `change`, again when it lost against another one."""
        return self.runtime.attempt(work, self.author)

    def close(self) -> None:
        """Tell plugins what happened, and give back connections."""
        if "runtime" in self.__dict__:
            jobs.drain(self.runtime, EVENTS)
        if "bare" in self.__dict__:
            self.bare.close()


pass_installation = click.make_pass_decorator(Installation, ensure=True)


@contextmanager
def installed(ctx: click.Context) -> Iterator[None]:
    """Around a command: what we raise becomes one sentence on stderr and exit code 1."""
    for name in QUIET:
        logging.getLogger(name).addHandler(logging.NullHandler())
    ctx.call_on_close(ctx.ensure_object(Installation).close)
    try:
        yield
    except NotFound as error:
        remedy = f" `packistry {error.noun} list` shows what there is." if error.noun else ""
        fail(f"{error}{remedy}")
    except PackistryError as error:
        fail(str(error))
    except OSError as error:
        # Click ends quietly when nobody reads what is written: that one names no file.
        if error.filename is None:
            raise
        fail(
            f"{error.filename} cannot be used: {error.strerror}. See whether the account that runs "
            "this may, and whether PACKISTRY_DATA_DIR is the folder that is meant."
        )
    except DBAPIError as error:
        # The driver's own words may hold the address, and with it a password.
        fail(
            f"The database refused or did not answer ({type(error.orig).__name__}). "
            "`packistry doctor` says more."
        )


def author() -> Author:
    """Whoever runs the command: the audit log calls them "cli:" and their account here."""
    return Author(actor=replace(SYSTEM, label=f"cli:{_account()}"), via=Via.CLI)


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run as a number that has no name.
        return str(os.getuid())


@contextmanager
def calling_plugin(title: str) -> Iterator[None]:
    """Around a call of a provider's method: what it does not say in our words ends in one line."""
    try:
        yield
    except PackistryError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - plugins raise what they like
        # Not its text, which may hold the secret it was given.
        fail(f"The plugin of {title} failed ({type(error).__name__}). Its author should know.")


def fail(sentence: str) -> NoReturn:
    """End the command with exit code 1."""
    raise click.ClickException(sentence)
