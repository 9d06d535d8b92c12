"""Mails that are owed: asked for, tried again when the mail server is away, or given up."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from packistry.database import changed_rows, upsert
from packistry.models import OwedMail, Purpose, User
from packistry.models.base import now
from packistry.queue import Queue

JOB = "mail_link"
# Whoever has not handed a mail over by then was killed.
LEASE = timedelta(minutes=5)
# After that many failures in a row; then it is given up.
PAUSES = (60, 300, 1800, 7200)
KEPT = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Stuck:
    """A mail that did not reach `user`. `again_at`: when it is tried next, if it is."""

    user: User
    purpose: Purpose
    failure: str
    again_at: datetime | None


class Mails:
    """The ledger of mails."""

    def __init__(self, session: Session, queue: Queue) -> None:
        self._session = session
        self._queue = queue

    def owe(self, email: str, purpose: Purpose) -> int:
        """Promise whoever has this address a link; the number of the mail. Once is enough."""
        mail = {"email": email, "purpose": purpose, "failure": "", "attempts": 0}
        upsert(
            self._session,
            OwedMail,
            [{**mail, "due_at": now(), "asked_at": now()}],
            key=("email", "purpose"),
            replace=("failure", "attempts", "due_at", "asked_at"),
        )
        query = select(OwedMail.id).where(OwedMail.email == email, OwedMail.purpose == purpose)
        number = self._session.scalars(query).one()
        self._queue.enqueue(JOB, number)
        return number

    def claim(self, mail_id: int) -> OwedMail | None:
        """The mail, to be sent by who asks; None when that is not due, or another is at it."""
        moment = now()
        mine = update(OwedMail).where(OwedMail.id == mail_id, OwedMail.due_at <= moment)
        taken = changed_rows(
            self._session,
            mine.values(due_at=moment + LEASE, attempts=OwedMail.attempts + 1),
        )
        return self._session.get(OwedMail, mail_id, populate_existing=True) if taken else None

    def settle(self, mail_id: int, lease: datetime | None = None) -> None:
        """It is sent, or nobody is owed it. With a `lease`, only if it was not asked for again."""
        gone = delete(OwedMail).where(OwedMail.id == mail_id)
        self._session.execute(gone if lease is None else gone.where(OwedMail.due_at == lease))

    def failed(self, mail_id: int, reason: str, *, final: bool = False) -> None:
        """Try it again later; with `final`, or after the last try, not any more."""
        mail = self._session.get(OwedMail, mail_id)
        if mail is None:
            return
        over = final or mail.attempts > len(PAUSES)
        pause = timedelta(seconds=PAUSES[max(0, min(mail.attempts, len(PAUSES)) - 1)])
        mail.failure, mail.due_at = reason, None if over else now() + pause
        self._session.flush()

    def drop(self, user: User) -> None:
        """They have a link by another way, or need none any more: one by mail would void it."""
        if user.email is not None:
            self._session.execute(delete(OwedMail).where(OwedMail.email == user.email))

    def stuck(self) -> list[Stuck]:
        """Those that failed, the oldest first."""
        query = (
            select(OwedMail, User)
            .join(User, User.email == OwedMail.email)
            .where(OwedMail.failure != "", User.active.is_(True))
            .order_by(OwedMail.asked_at, OwedMail.id)
        )
        return [
            Stuck(user=user, purpose=mail.purpose, failure=mail.failure, again_at=mail.due_at)
            for mail, user in self._session.execute(query)
        ]

    def forget(self) -> None:
        """Remove what was given up long ago."""
        self._session.execute(
            delete(OwedMail).where(OwedMail.due_at.is_(None), OwedMail.asked_at <= now() - KEPT)
        )
