"""Inviting people, and helping those who forgot their password: by mail where mail is set up."""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from packistry.inputs import folded
from packistry.models import OwedMail, Purpose, User, Via
from packistry.services import links
from packistry.services.access import SYSTEM
from packistry.services.audit import Author
from packistry.services.mail import MailFailed, Post
from packistry.services.transactions import Changes

if TYPE_CHECKING:
    from packistry.services import Services

log = logging.getLogger(__name__)

LONGEST_EMAIL = 255
AUTHOR = Author(actor=SYSTEM, via=Via.WEB)

NOT_SET_UP = "No mail is sent any more: PACKISTRY_SMTP_URL is not set."
SUBJECTS = {
    Purpose.INVITATION: "You are invited to {host}",
    Purpose.PASSWORD: "Another password for {host}",
}
TEXTS = {
    Purpose.INVITATION: (
        "Hello {name},\n\nyou can sign in to {host}, where your Composer packages are, with this "
        "address once you chose a password:\n\n{link}\n\nThe link works once, and for a week.\n"
    ),
    Purpose.PASSWORD: (
        "Hello {name},\n\nsomebody, hopefully you, asked for another password for {host}. Choose "
        "it here:\n\n{link}\n\nThe link works once, and for an hour. If it was not you, do "
        "nothing: your password stays what it is.\n"
    ),
}


def ask(transactions: Changes, author: Author, email: str, address: str) -> None:
    """Somebody forgot their password. Whether anybody has the address does not show.

    Raises Throttled.
    """
    account = folded(email)[:LONGEST_EMAIL]
    transactions.attempt(
        lambda services: services.throttles.attempt(f"password of {account}", address)
    )
    with transactions.change(author) as services:
        services.audit.note("user.password-asked-for", name=account)
        # The job looks the address up: here it would take longer where there is somebody.
        services.mails.owe(account, Purpose.PASSWORD)


@dataclass(frozen=True, kw_only=True)
class _Letter:
    """A mail that is about to be sent, with a link of its own."""

    user_id: int
    to: str
    name: str
    purpose: Purpose
    token: str
    lease: datetime | None


def mail_link(transactions: Changes, mail_id: int) -> str:
    """Send a mail that is owed, if that is due; why it could not be sent, "" when all is well."""
    letter = transactions.attempt(lambda services: _open(services, mail_id))
    if letter is None:
        return ""
    settings = transactions.context.settings
    words = {
        "host": settings.base_url.partition("://")[2],
        "name": letter.name,
        "link": links.address(settings.base_url, letter.token),
    }
    url = settings.smtp_url.get_secret_value()
    try:
        if not url:
            raise MailFailed(NOT_SET_UP)
        Post(url=url).send(
            letter.to,
            SUBJECTS[letter.purpose].format(**words),
            TEXTS[letter.purpose].format(**words),
        )
    except MailFailed as error:
        log.warning("A link was not mailed: %s", error)
        give_up(transactions, mail_id, str(error), token=letter.token, final=not url)
        return str(error)
    with transactions.change(AUTHOR) as services:
        services.mails.settle(mail_id, letter.lease)
        user = services.users.at(letter.user_id)
        services.audit.note("user.link-mailed", user, note=letter.purpose.value)
    return ""


def give_up(
    transactions: Changes, mail_id: int, reason: str, *, token: str = "", final: bool = False
) -> None:
    """A mail was not sent: write down why, and when it is tried again."""
    with transactions.change(AUTHOR) as services:
        if token:
            services.links.withdraw(token)
        mail = services.session.get(OwedMail, mail_id)
        if mail is not None:
            services.mails.failed(mail_id, reason, final=final)
            services.audit.note("mail.failed", name=mail.email, note=reason)


def _open(services: "Services", mail_id: int) -> _Letter | None:
    mail = services.mails.claim(mail_id)
    if mail is None:
        return None
    user = services.users.find(mail.email)
    if user is None or user.email is None or not _is_owed(user, mail.purpose):
        services.mails.settle(mail_id)
        return None
    return _Letter(
        user_id=user.id,
        to=user.email,
        name=user.name,
        purpose=mail.purpose,
        token=services.links.make(user, mail.purpose),
        lease=mail.due_at,
    )


def _is_owed(user: User, purpose: Purpose) -> bool:
    # Whoever signs in elsewhere would get a second way in that nobody gave them.
    return user.active and (purpose is Purpose.INVITATION or user.password_hash != "")
