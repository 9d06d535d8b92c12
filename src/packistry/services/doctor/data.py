"""What is stored: database, clock, plugins, secrets, dists, and the work that is owed."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from packistry import schema
from packistry.errors import ConfigurationError, PackistryError
from packistry.models import Project, Source, Sync, SyncState
from packistry.models.base import now
from packistry.services.context import secrets_place
from packistry.services.doctor.finding import Finding, Patient, error, ok, warning
from packistry.services.origins import Stray, strays
from packistry.services.rotation import Rotation
from packistry.wording import plural

CLOCK_SECONDS = 30
LATE = timedelta(minutes=10)
SHOWN = 5
START_A_WORKER = {
    "embedded": "Start `packistry serve` (with PACKISTRY_WORKERS above 0).",
    "rq": "Start `packistry worker`, and see whether it reaches Redis.",
}


def database(patient: Patient) -> Iterator[Finding]:
    """Whether the database answers and has the tables this version needs."""
    if _absent(patient):
        yield warning(
            "There is no database yet.", "It is made at the first start, or by `packistry migrate`."
        )
        return
    try:
        revision = schema.revision(patient.engine)
    except DBAPIError as fault:
        yield error(
            f"The database does not answer ({type(fault.orig).__name__}).",
            "See whether it runs, and whether PACKISTRY_DATABASE_URL names it and an account that "
            "may use it.",
        )
        return
    kind = patient.engine.dialect.name
    if revision == schema.head():
        yield ok(f"The database ({kind}) is up to date.")
    elif revision is None or schema.knows(revision):
        yield error("The tables are older than this version.", "Run `packistry migrate`.")
    else:
        yield error(
            "The tables are newer than this version of Packistry.",
            "Install the version that made them, or restore the backup made before it.",
        )


def clock(patient: Patient) -> Iterator[Finding]:
    """Whether the clock agrees with the database server's and with what was recorded."""
    if not usable(patient):
        return
    with reading(patient) as session:
        latest = session.scalar(select(func.max(Sync.requested_at)))
        drift = 0.0
        told = _database_time(patient, session)
        if told is not None:
            drift = abs(told.timestamp() - now().timestamp())
    if drift > CLOCK_SECONDS:
        yield warning(
            f"The clock differs from the database server's by {drift:.0f} seconds.",
            "Synchronise the clocks of all machines (chrony, systemd-timesyncd).",
        )
    elif latest is not None and latest > now() + timedelta(seconds=CLOCK_SECONDS):
        yield warning(
            "The clock is behind the time of the last recorded sync.",
            "Correct it: tokens expire by it, and composer relies on dates that only rise.",
        )
    else:
        yield ok("The clock is plausible.")


def plugins(patient: Patient) -> Iterator[Finding]:
    """Whether every plugin loads, the settings name real ones, and sources find theirs."""
    for failure in patient.plugins.failures:
        yield error(
            f"The plugin {failure.plugin} {failure.version} does not load: {failure.error}",
            f"Update or remove the package {failure.distribution}, or name the plugin in "
            "PACKISTRY_DISABLED_PLUGINS.",
        )
    for name in patient.plugins.unknown:
        wrong = name in patient.plugins.missing
        yield (error if wrong else warning)(
            f"{name}.",
            f"Correct the name in {name.setting}, or "
            + ("install the plugin." if wrong else "take it out."),
        )
    found = astray(patient)
    for each in found:
        yield (warning if each.now else error)(str(each), each.remedy)
    if not (patient.plugins.failures or patient.plugins.unknown or found):
        yield ok(f"{plural(len(patient.plugins.loaded), 'plugin')} loaded.")


def astray(patient: Patient) -> Sequence[Stray]:
    """The sources without the provider they were made with; none without tables to read."""
    if not usable(patient):
        return ()
    with reading(patient) as session:
        return strays(session, patient.plugins)


def secrets(patient: Patient) -> Iterator[Finding]:
    """Whether every stored secret can be decrypted."""
    if not usable(patient):
        return
    with reading(patient) as session:
        sealed = list(session.scalars(select(Source).where(Source.secrets != "")))
        lost = [source.name for source in sealed if not _opens(patient, source)]
        everything = Rotation(session, patient.secrets).sealed()
        old = [each for each in everything if not patient.secrets.is_current(each.text)]
    for name in lost:
        yield error(
            f'The secrets of the source "{name}" cannot be decrypted.',
            "Put the key back that was in use before, or enter them again with "
            "`packistry source edit`.",
        )
    if old and not lost:
        secrets_are = plural(len(old), "stored secret is", "stored secrets are")
        yield warning(
            f"{secrets_are} encrypted with an old key.",
            "Run `packistry secrets rotate`.",
        )
    elif not lost:
        yield ok("Every stored secret can be decrypted.")


def storage(patient: Patient) -> Iterator[Finding]:
    """Whether dists can be written, read and deleted."""
    name = patient.settings.storage
    if not patient.settings.root.exists():
        # Trying it would make the folder, and a look must change nothing.
        yield ok(f"The storage {name} is tried once the data directory exists.")
        return
    try:
        patient.storage.check()
    except PackistryError as fault:
        yield error(
            f"The storage {name} does not work: {fault}",
            "See PACKISTRY_STORAGE and PACKISTRY_STORAGE_OPTIONS, and the rights of that place.",
        )
        return
    yield ok(f"The storage {name} can be written, read and deleted.")


def projects(patient: Patient) -> Iterator[Finding]:
    """Whether every project can be reached."""
    if not usable(patient):
        return
    with reading(patient) as session:
        query = select(Project).where(Project.unreachable != "").order_by(Project.path)
        away = [(_away(each), each.unreachable) for each in session.scalars(query)]
    for what, reason in away[:SHOWN]:
        yield warning(
            f"{what}: {reason}",
            "See `packistry source check` and the project at its host.",
        )
    if len(away) > SHOWN:
        yield warning(
            f"{len(away) - SHOWN} more projects cannot be imported.",
            "See `packistry package list`.",
        )
    if not away:
        yield ok("Every project could be reached at the last look.")


def work(patient: Patient) -> Iterator[Finding]:
    """Whether somebody does what is owed."""
    if not usable(patient):
        return
    with reading(patient) as session:
        late = session.scalar(
            select(func.count())
            .select_from(Sync)
            .where(Sync.state == SyncState.QUEUED, Sync.not_before < now() - LATE)
        )
    if late:
        syncs_wait = plural(late, "sync waits", "syncs wait")
        yield warning(
            f"{syncs_wait} for more than {LATE.seconds // 60} minutes.",
            START_A_WORKER[patient.settings.jobs],
        )
    else:
        yield ok("No sync waits for long.")


def _away(project: Project) -> str:
    if project.lost_at and project.missing_since:
        return f"{project.path} is unreachable since {project.missing_since:%Y-%m-%d}"
    return f"{project.path} cannot be imported"


def _absent(patient: Patient) -> bool:
    # Connecting to an SQLite file that is not there would make it.
    path = patient.engine.url.database
    return patient.engine.dialect.name == "sqlite" and not (path and Path(path).exists())


def usable(patient: Patient) -> bool:
    """Whether there are tables to read; `database` says why not."""
    try:
        return not _absent(patient) and schema.revision(patient.engine) == schema.head()
    except DBAPIError:
        return False


def _opens(patient: Patient, source: Source) -> bool:
    try:
        patient.secrets.open(source.secrets, secrets_place(source))
    except ConfigurationError:
        return False
    return True


@contextmanager
def reading(patient: Patient) -> Iterator[Session]:
    """A session to read with."""
    # SQLite: a plain read must not wait for the write lock.
    with patient.engine.connect().execution_options(begin="DEFERRED") as connection:
        yield Session(bind=connection)


def _database_time(patient: Patient, session: Session) -> datetime | None:
    """What the database server's clock says; None where there is no server."""
    kind = patient.engine.dialect.name
    if kind == "sqlite":
        return None
    clock = func.now() if kind == "postgresql" else func.utc_timestamp()
    told: datetime = session.execute(select(clock)).scalar_one()
    return told if told.tzinfo else told.replace(tzinfo=UTC)
