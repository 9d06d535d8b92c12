"""What is around us: Redis, the public address, proxies."""

import ipaddress
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from sqlalchemy import select

from packistry.models import AuthenticationSource, OwedMail
from packistry.services.doctor.data import reading, usable
from packistry.services.doctor.finding import Finding, Patient, error, ok, warning
from packistry.services.mail import MailFailed, Post
from packistry.wording import plural

if TYPE_CHECKING:
    from redis import Redis

SECONDS = 5
OLDEST_REDIS = 5
HEALTH = "/healthz"
SET_URL = "Set PACKISTRY_URL to the address people use, for example https://packages.example.org."
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


def redis(patient: Patient) -> Iterator[Finding]:
    """Whether the Redis that jobs go through answers and is closed to others."""
    url = patient.settings.redis_url.get_secret_value()
    if not url:
        yield ok("Jobs run in threads of `packistry serve`.")
        return
    # It takes its time to load, and most commands and installations never need it.
    from redis import Redis
    from redis.exceptions import AuthenticationError, RedisError, ResponseError

    try:
        with Redis.from_url(
            url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS
        ) as connection:
            facts = dict(connection.info())
            policy = _policy(connection)
    except (AuthenticationError, ResponseError):
        yield error("Redis refuses the password.", "Correct it in PACKISTRY_REDIS_URL.")
        return
    except (RedisError, OSError, ValueError) as fault:
        yield error(
            f"Redis does not answer ({type(fault).__name__}). Nothing is lost: jobs wait in the "
            "database.",
            "See whether it runs, and whether PACKISTRY_REDIS_URL names it.",
        )
        return
    yield from redis_faults(url, facts, policy)


def public_url(patient: Patient) -> Iterator[Finding]:
    """Whether clients can use the addresses that we hand out."""
    settings = patient.settings
    local = settings.host in LOCAL_NAMES
    if not settings.url:
        yield from _addresses_elsewhere(patient)
        if local:
            yield ok(f"Packistry serves this machine alone, at {settings.base_url}.")
            return
        yield warning(
            "PACKISTRY_URL is not set: the addresses of downloads follow what each client asked "
            "for.",
            SET_URL,
        )
        return
    parts = urlsplit(settings.url)
    if parts.scheme == "http" and parts.hostname not in LOCAL_NAMES:
        yield warning(
            f"The repositories are at {settings.url}, which is not encrypted: tokens can be read "
            "on the way, and composer refuses it unless each project sets secure-http to false.",
            "Put a proxy with a certificate in front and set PACKISTRY_URL to https://….",
        )
    else:
        yield ok(f"Repositories are handed out as {settings.url}.")


def _addresses_elsewhere(patient: Patient) -> Iterator[Finding]:
    """What is written down where no browser says how it came here."""
    settings = patient.settings
    if settings.smtp_url.get_secret_value():
        yield warning(
            f"PACKISTRY_URL is not set: links in mails begin with {settings.base_url}.",
            SET_URL,
        )
    if usable(patient):
        with reading(patient) as session:
            names = session.scalars(
                select(AuthenticationSource.name)
                .where(AuthenticationSource.active.is_(True))
                .order_by(AuthenticationSource.name)
            ).all()
        if names:
            yield warning(
                "PACKISTRY_URL is not set: people come back from "
                f"{', '.join(names)} only where they came here by the very address that is "
                "registered there.",
                SET_URL,
            )


def mail(patient: Patient) -> Iterator[Finding]:
    """Whether the mail server takes what we send, and whether anything waits."""
    url = patient.settings.smtp_url.get_secret_value()
    if not url:
        yield ok("No mail is sent: links to choose a password are handed over.")
        return
    try:
        Post(url=url).check()
    except MailFailed as fault:
        yield warning(str(fault), "Until it works, hand links over: `packistry user link EMAIL`.")
        return
    if usable(patient):
        with reading(patient) as session:
            failed = session.scalars(
                select(OwedMail).where(OwedMail.failure != "").order_by(OwedMail.id)
            ).all()
        if failed:
            yield warning(
                f"{plural(len(failed), 'link')} could not be mailed, the first to "
                f"{failed[0].email}: {failed[0].failure}",
                "Ask for them again, or hand them over: `packistry user link EMAIL`.",
            )
            return
    yield ok("The mail server answers.")


def proxies(patient: Patient) -> Iterator[Finding]:
    """Whether exactly the proxies in front of us are believed."""
    settings = patient.settings
    networks = [ipaddress.ip_network(each, strict=False) for each in settings.trusted_proxies]
    if any(network.prefixlen == 0 for network in networks):
        yield error(
            "PACKISTRY_TRUSTED_PROXIES trusts every address: anybody can pretend to be anybody.",
            "Name the addresses of your proxies only.",
        )
    elif settings.url.startswith("https://") and not networks:
        yield warning(
            "PACKISTRY_URL is https, so a proxy is in front, but none is trusted: logs and limits "
            "see the proxy's address instead of the client's.",
            "Set PACKISTRY_TRUSTED_PROXIES to the proxy's address, for example 127.0.0.1.",
        )
    else:
        yield ok("The trusted proxies are plausible.")


def answers(patient: Patient) -> Iterator[Finding]:
    """Whether the public address leads to this server, when it runs."""
    settings = patient.settings
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104 - compared
    here = f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"
    if _status(here) is None:
        yield ok(f"No server runs at {settings.listen} of this machine.")
        return
    if not settings.url:
        yield ok(f"A server runs at {settings.listen}.")
        return
    status = _status(settings.url)
    if status is None:
        yield warning(
            f"A server runs at {settings.listen}, but nothing answers at {settings.url}.",
            "See the proxy, its certificate and the name in the DNS. A machine that may not reach "
            "its own public address can ignore this.",
        )
    elif status != requests.codes.ok:
        yield error(
            f"{settings.url}{HEALTH} answers {status}: PACKISTRY_URL and the proxy disagree.",
            f"Have the proxy hand all paths below {settings.url} to {here}, unchanged.",
        )
    else:
        yield from _addresses(settings.url)


def _addresses(url: str) -> Iterator[Finding]:
    """Whether the root document, if it may be read by all, points back to `url`."""
    answer = requests.get(f"{url}/packages.json", timeout=SECONDS, allow_redirects=False)
    if answer.ok:
        for link in _links(answer):
            if not link.startswith(f"{url}/"):
                yield error(
                    f"A repository at {url} hands out addresses such as {link}.",
                    "Set PACKISTRY_URL to the address people use, and restart all processes.",
                )
                return
    yield ok(f"{url} leads to this server.")


def _links(answer: requests.Response) -> list[str]:
    try:
        document: Any = answer.json()
    except requests.JSONDecodeError:
        return []
    values = document.values() if isinstance(document, dict) else ()
    return [each for each in values if isinstance(each, str) and each.startswith("http")]


def _status(url: str) -> int | None:
    """What the server there says of its health; None when nothing answers."""
    try:
        return requests.get(url + HEALTH, timeout=SECONDS, allow_redirects=False).status_code
    except requests.RequestException:
        return None


def _policy(connection: "Redis") -> str:
    from redis.exceptions import ResponseError

    try:
        found: Any = connection.config_get("maxmemory-policy")
    except ResponseError:
        # Hosted Redis often forbids CONFIG.
        return ""
    return str(found.get("maxmemory-policy", ""))


def redis_faults(url: str, facts: dict[str, Any], policy: str) -> Iterator[Finding]:
    """What is wrong with a Redis that answers: `facts` is its INFO, `policy` "" when unknown."""
    version = str(facts.get("redis_version", "0"))
    parts = urlsplit(url)
    sound = True
    if int(version.partition(".")[0]) < OLDEST_REDIS:
        sound = False
        yield error(f"Redis {version} is too old.", f"Install Redis {OLDEST_REDIS} or later.")
    if parts.scheme != "unix" and parts.hostname not in LOCAL_NAMES and not parts.password:
        sound = False
        yield error(
            f"Redis at {parts.hostname} asks for no password: whoever reaches it can start jobs.",
            "Set a password (requirepass or an ACL) and put it into PACKISTRY_REDIS_URL.",
        )
    if policy not in ("", "noeviction"):
        sound = False
        yield warning(
            f"Redis may throw jobs away when memory is short (maxmemory-policy {policy}).",
            "Set maxmemory-policy to noeviction. Lost jobs are found again, but later.",
        )
    if sound:
        yield ok(f"Redis {version} answers.")
