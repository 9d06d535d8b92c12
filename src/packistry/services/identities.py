"""Who may become whom: a person vouched for by a source, and the user they are here.

The source's own subject alone finds a user. An e-mail address does only where the source proved it,
is trusted to, and nothing is to be won by a mistake.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from packistry.errors import Conflict, Forbidden, NotFound
from packistry.inputs import email as email_address
from packistry.inputs import label
from packistry.models import (
    AuthenticationSource,
    ClaimRule,
    Grant,
    IdentityLink,
    OneTimeLink,
    Role,
    SecondFactor,
    Token,
    User,
)
from packistry.models.base import now
from packistry.plugin import Identity
from packistry.services.sessions import Sessions

LONGEST_SUBJECT = 255

SHUT_OUT = "This account is disabled. Ask an administrator of this server."
CLOSED = (
    "You are known at {source}, but have no account here, and new ones are not made by signing in. "
    "Ask an administrator of this server."
)
NOT_PROVEN = (
    "Only people with a proven e-mail address at {domains} are let in by {source}, and {source} "
    "does not say that yours is proven."
)
WRONG_DOMAIN = "Only people with an e-mail address at {domains} are let in by {source}."
SIGN_IN_FIRST = (
    "There is an account with your e-mail address already. Sign in to it as you did before, and "
    "connect {source} on your profile page."
)
TAKEN = (
    "There is an account with your e-mail address already, and another account at {source} signs "
    "in to it. Ask an administrator of this server."
)
ANOTHERS = "This account at {source} belongs to another user here."
LAST_WAY = "This is your only way in. Set a password, or connect another account, first."


class Refused(Forbidden):
    """A person is not let in; the text tells them why."""


class How(StrEnum):
    """Why somebody was let in, for the audit log."""

    KNOWN = "known"
    LINKED = "linked"
    ADOPTED = "adopted"
    REGISTERED = "registered"


@dataclass(frozen=True, kw_only=True)
class Admitted:
    """A user who is let in. `link`: who they are at the source."""

    user: User
    link: IdentityLink
    how: How


Key = tuple[int | None, int | None]

# The highest first, as `Role` lists them.
_RANK = list(Role)


class Identities:
    """The links between people at sources and users here."""

    def __init__(self, session: Session, sessions: Sessions) -> None:
        self._session = session
        self._sessions = sessions

    def admit(self, source: AuthenticationSource, identity: Identity) -> Admitted:
        """The user whom this person is, after the rules of the source were applied to them.

        Raises Refused.
        """
        link = self._find(source, identity)
        if link is not None:
            admitted = Admitted(user=link.user, link=link, how=How.KNOWN)
        else:
            admitted = self._newcomer(source, identity)
        if not admitted.user.active:
            raise Refused(SHUT_OUT)
        self._remember(admitted.link, identity)
        self._apply(source, admitted.link, identity)
        return admitted

    def connect(self, source: AuthenticationSource, identity: Identity, user: User) -> IdentityLink:
        """Let `user`, who has just proved who they are, sign in as this person too.

        Raises Refused when the person is another user here.
        """
        link = self._find(source, identity)
        if link is not None and link.user_id != user.id:
            raise Refused(ANOTHERS.format(source=source.name))
        link = link or self._link(source, identity, user)
        self._remember(link, identity)
        self._apply(source, link, identity)
        return link

    def disconnect(self, user: User, link_id: int) -> None:
        """With what the link's claims gave. Raises NotFound, and Conflict for the last way in."""
        link = self._session.get(IdentityLink, link_id)
        if link is None or link.user_id != user.id:
            raise NotFound("There is no such connection.")
        if not self.has_another_way_in(user, but=link.source_id):
            raise Conflict(LAST_WAY)
        self._take(link)
        self._session.delete(link)
        self._session.flush()

    def of(self, user: User) -> list[IdentityLink]:
        query = select(IdentityLink).where(IdentityLink.user_id == user.id)
        return list(self._session.scalars(query.order_by(IdentityLink.id)))

    def has_another_way_in(self, user: User, *, but: int) -> bool:
        """Whether they can sign in with a password, or at an active source other than `but`."""
        if user.password_hash and user.email:
            return True
        return any(
            link.source.active and not link.suspended and link.source_id != but
            for link in self.of(user)
        )

    def stranded(self, source: AuthenticationSource) -> int:
        """How many active people have no other way in than this source."""
        people = (link.user for link in self._people(source))
        return sum(
            user.active and not self.has_another_way_in(user, but=source.id) for user in people
        )

    def suspend(self, source: AuthenticationSource) -> None:
        """End its people's sessions, and shut out those without another way in.

        Raises Conflict when nobody would administer any more.
        """
        administered = self._is_administered()
        for link in self._people(source):
            self._sessions.end_all(link.user)
            if link.user.active and not self.has_another_way_in(link.user, but=source.id):
                link.user.active, link.suspended = False, True
        self._session.flush()
        if administered and not self._is_administered():
            raise Conflict(
                f'All administrators sign in at "{source.name}". Give one of them a password first.'
            )

    def restore(self, source: AuthenticationSource) -> None:
        """Let those in again who were shut out with it."""
        for link in self._people(source):
            if link.suspended:
                link.user.active, link.suspended = True, False
        self._session.flush()

    def withdraw(self, source: AuthenticationSource) -> None:
        """Take what its claims gave."""
        for link in self._people(source):
            self._take(link)

    def _find(self, source: AuthenticationSource, identity: Identity) -> IdentityLink | None:
        if not identity.subject or len(identity.subject) > LONGEST_SUBJECT:
            raise Refused(f"{source.name} tells your account in a way that cannot be kept.")
        query = select(IdentityLink).where(
            IdentityLink.source_id == source.id, IdentityLink.subject == identity.subject
        )
        return self._session.scalars(query).one_or_none()

    def _newcomer(self, source: AuthenticationSource, identity: Identity) -> Admitted:
        address = proven_address(identity)
        self._check_domain(source, address)
        existing = self._owner_of(address)
        if existing is not None:
            return self._same_address(source, identity, existing)
        if not source.registration:
            raise Refused(CLOSED.format(source=source.name))
        user = User(
            email=address or None,
            name=_name(identity, address),
            role=source.default_role,
        )
        self._session.add(user)
        self._session.flush()
        for rule in source.rules:
            if not rule.claim:
                self._session.add(_grant(user, rule, given_by=None))
        link = self._link(source, identity, user)
        return Admitted(user=user, link=link, how=How.REGISTERED)

    def _same_address(
        self, source: AuthenticationSource, identity: Identity, user: User
    ) -> Admitted:
        """Somebody with the proven address of a user. Never becomes an administrator by it."""
        if not user.active:
            raise Refused(SHUT_OUT)
        if not source.trusted or user.role == Role.ADMIN:
            raise Refused(SIGN_IN_FIRST.format(source=source.name))
        how = How.LINKED
        if user.email_proven:
            if any(link.source_id == source.id for link in self.of(user)):
                # Places give an address to the next person when somebody leaves.
                raise Refused(TAKEN.format(source=source.name))
        else:
            # Whoever made the account never showed that the address was theirs.
            self._strip(user)
            how = How.ADOPTED
        link = self._link(source, identity, user)
        return Admitted(user=user, link=link, how=how)

    def _strip(self, user: User) -> None:
        """Nobody who knew the account before gets in any more."""
        user.password_hash, user.email_proven = "", True
        self._sessions.end_all(user)
        for link in self.of(user):
            self._take(link)
            self._session.delete(link)
        for kind in (OneTimeLink, SecondFactor):
            self._session.execute(delete(kind).where(kind.user_id == user.id))
        self._session.execute(
            update(Token)
            .where(Token.user_id == user.id, Token.revoked_at.is_(None))
            .values(revoked_at=now())
        )
        self._session.flush()

    def _link(self, source: AuthenticationSource, identity: Identity, user: User) -> IdentityLink:
        link = IdentityLink(source=source, user=user, subject=identity.subject)
        self._session.add(link)
        self._session.flush()
        return link

    def _remember(self, link: IdentityLink, identity: Identity) -> None:
        link.email = identity.email[:LONGEST_SUBJECT]
        link.evidence = identity.evidence[:LONGEST_SUBJECT] if identity.email_verified else ""
        link.used_at = now()
        user, address = link.user, proven_address(identity)
        if user.email is None and address and self._owner_of(address) is None:
            user.email = address
        if not user.password_hash and identity.name:
            user.name = _name(identity, address)
        self._session.flush()

    def _owner_of(self, address: str) -> User | None:
        if not address:
            return None
        return self._session.scalars(select(User).where(User.email == address)).one_or_none()

    def _check_domain(self, source: AuthenticationSource, address: str) -> None:
        if not source.allowed_domains:
            return
        known = {"domains": ", ".join(source.allowed_domains), "source": source.name}
        if not address:
            raise Refused(NOT_PROVEN.format(**known))
        if address.rpartition("@")[2].casefold() not in source.allowed_domains:
            raise Refused(WRONG_DOMAIN.format(**known))

    # What claims give. It is looked at again at every sign-in.

    def _apply(self, source: AuthenticationSource, link: IdentityLink, identity: Identity) -> None:
        matching = [
            rule
            for rule in source.rules
            if rule.claim and rule.value in identity.values(rule.claim)
        ]
        self._apply_grants(source, link.user, matching)
        self._apply_role(link, {rule.role for rule in matching if rule.role is not None})

    def _apply_grants(
        self, source: AuthenticationSource, user: User, matching: list[ClaimRule]
    ) -> None:
        wanted: dict[Key, Grant] = {}
        for rule in matching:
            if rule.role is None:
                key = (rule.repository_id, rule.package_id)
                wanted[key] = _grant(user, rule, given_by=source.id, onto=wanted.get(key))
        for held in self._given(source, user):
            meant = wanted.pop((held.repository_id, held.package_id), None)
            if meant is None:
                self._session.delete(held)
            else:
                held.can_read, held.can_write = meant.can_read, meant.can_write
                held.can_manage = meant.can_manage
        self._session.add_all(wanted.values())
        self._session.flush()

    def _apply_role(self, link: IdentityLink, roles: set[Role]) -> None:
        user = link.user
        given = next((role for role in Role if role in roles), None)
        if given is not None and _RANK.index(given) < _RANK.index(user.role):
            link.role = given
            self._change_role(user, given)
        elif given is None and link.role is not None:
            taken, link.role = link.role, None
            if user.role == taken and taken != Role.USER:
                self._change_role(user, Role.USER)
        self._session.flush()

    def _change_role(self, user: User, role: Role) -> None:
        user.role = role
        self._sessions.end_all(user)

    def _take(self, link: IdentityLink) -> None:
        for grant in self._given(link.source, link.user):
            self._session.delete(grant)
        self._apply_role(link, set())

    def _given(self, source: AuthenticationSource, user: User) -> list[Grant]:
        query = select(Grant).where(Grant.user_id == user.id, Grant.given_by == source.id)
        return list(self._session.scalars(query))

    def _people(self, source: AuthenticationSource) -> list[IdentityLink]:
        query = select(IdentityLink).where(IdentityLink.source_id == source.id)
        return list(self._session.scalars(query.order_by(IdentityLink.id)))

    def _is_administered(self) -> bool:
        query = select(User.id).where(User.role == Role.ADMIN, User.active.is_(True))
        return self._session.scalars(query.limit(1)).first() is not None


def proven_address(identity: Identity) -> str:
    """The e-mail address that the source has seen to be theirs; "" without one."""
    if not identity.email_verified:
        return ""
    try:
        return email_address(identity.email)
    except ValueError:
        return ""


def evidence(identity: Identity) -> Mapping[str, str]:
    """What the audit log keeps of a person a source vouched for."""
    return {
        "subject": identity.subject,
        "email": identity.email,
        "evidence": identity.evidence if identity.email_verified else "not proven",
    }


def _name(identity: Identity, address: str) -> str:
    for text in (identity.name[:LONGEST_SUBJECT], address.partition("@")[0], identity.subject):
        try:
            return label(text)
        except ValueError:
            continue
    return "Somebody"


def _grant(
    user: User, rule: ClaimRule, *, given_by: int | None, onto: Grant | None = None
) -> Grant:
    grant = onto or Grant(
        user_id=user.id,
        repository_id=rule.repository_id,
        package_id=rule.package_id,
        can_read=False,
        can_write=False,
        can_manage=False,
        given_by=given_by,
    )
    # Who maintains a repository reads and writes it.
    grant.can_manage = grant.can_manage or rule.can_manage
    grant.can_read = grant.can_read or rule.can_read or rule.can_manage
    grant.can_write = grant.can_write or rule.can_write or rule.can_manage
    return grant
