"""What is wrong with an installation, in words, and the remedy of each fault."""

from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError

from packistry.errors import PackistryError
from packistry.services.doctor import data, machine, network, webhooks
from packistry.services.doctor.finding import Check, Finding, Level, Patient

__all__ = ["CHECKS", "Finding", "Level", "Patient", "examine"]

CHECKS: tuple[Check, ...] = (
    machine.software,
    machine.account,
    machine.data_directory,
    machine.disk_space,
    machine.git,
    machine.key,
    data.database,
    data.clock,
    data.plugins,
    data.secrets,
    data.storage,
    data.projects,
    data.work,
    webhooks.webhooks,
    network.redis,
    network.public_url,
    network.mail,
    network.proxies,
    network.answers,
)


def examine(patient: Patient, checks: tuple[Check, ...] = CHECKS) -> Iterator[Finding]:
    """What each check finds, in order. One that cannot be made is a finding, never an error."""
    for check in checks:
        try:
            yield from check(patient)
        except (PackistryError, SQLAlchemyError, OSError) as error:
            # What a driver says may hold the address it used, and with it a password.
            words = str(error) if isinstance(error, PackistryError) else type(error).__name__
            yield Finding(
                level=Level.ERROR,
                title=f"{check.__name__.replace('_', ' ').capitalize()}: {words}",
                remedy="Correct this first; other checks may depend on it.",
            )
