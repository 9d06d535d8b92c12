"""Inviting people, and helping those who forgot their password: by mail where mail is set up."""

import logging

from packistry.inputs import folded
from packistry.models import Purpose, Via
from packistry.services import links
from packistry.services.access import SYSTEM
from packistry.services.audit import Author
from packistry.services.mail import MailFailed, Post
from packistry.services.transactions import Changes

log = logging.getLogger(__name__)

JOB = "mail_link"
LONGEST_EMAIL = 255
AUTHOR = Author(actor=SYSTEM, via=Via.WEB)

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
        services.context.queue.enqueue(JOB, account, Purpose.PASSWORD.value)


def mail_link(transactions: Changes, email: str, purpose: Purpose) -> None:
    """Mail whoever has the address a link. Nothing for whom no password, or none yet, opens."""
    settings = transactions.context.settings
    with transactions.change(AUTHOR) as services:
        user = services.users.find(email)
        if user is None or not user.active or user.email is None:
            return
        if purpose is Purpose.PASSWORD and not user.password_hash:
            # They sign in elsewhere: a password would be a second way in that nobody gave them.
            return
        link = links.address(settings.base_url, services.links.make(user, purpose))
        name, to = user.name, user.email
        services.audit.note("user.link-mailed", user, note=purpose.value)
    host = settings.base_url.partition("://")[2]
    words = {"host": host, "name": name, "link": link}
    try:
        Post(url=settings.smtp_url.get_secret_value()).send(
            to, SUBJECTS[purpose].format(**words), TEXTS[purpose].format(**words)
        )
    except MailFailed as error:
        log.warning("A link was not mailed: %s", error)
        with transactions.change(AUTHOR) as services:
            services.audit.note("mail.failed", name=to, note=str(error))
