"""A duty that one process at a time has, however many could do it."""

from datetime import timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, or_, select, update
from sqlalchemy.orm import Session

from packistry import process
from packistry.database import upsert
from packistry.models import Lease
from packistry.models.base import now


def take(session: Session, name: str, owner: str, seconds: float) -> bool:
    """Take or renew the duty `name` for `seconds`; whether `owner` has it now.

    It is free when it ran out, or when the process that had it is known to be dead. Of several
    that try at once, one wins. Clocks of machines may differ by less than `seconds`.
    """
    moment = now()
    holder = session.scalar(select(Lease.owner).where(Lease.name == name))
    if holder is None:
        holder = ""
        upsert(session, Lease, [{"name": name, "owner": "", "until": moment}], key=["name"])
    free = [Lease.owner.in_(("", owner)), Lease.until <= moment]
    if process.alive(holder) is False:
        free.append(Lease.owner == holder)
    statement = (
        update(Lease)
        .where(Lease.name == name, or_(*free))
        .values(owner=owner, until=moment + timedelta(seconds=seconds))
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[Any]", session.execute(statement)).rowcount == 1


def give_back(session: Session, name: str, owner: str) -> None:
    """Let another process have the duty at once, if `owner` has it."""
    session.execute(
        update(Lease)
        .where(Lease.name == name, Lease.owner == owner)
        .values(owner="", until=now())
        .execution_options(synchronize_session=False)
    )
