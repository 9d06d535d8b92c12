"""Tokens: made, recognised, revoked. Those of the PHP Packistry keep working."""

import secrets
import string
import zlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from packistry.errors import Conflict, Invalid, NotFound, PackistryError
from packistry.inputs.rights import TokenChange
from packistry.models import Grant, Role, Token, TokenKind, User
from packistry.models.base import now
from packistry.services.access import Actor

ALPHABET = string.ascii_letters + string.digits
RANDOM_LENGTH = 40
CRC_LENGTH = 8
ABILITIES = tuple(name for name in Token.__table__.columns.keys() if name.startswith("can_"))  # noqa: SIM118 - no mapping
REPLACED = " (replaced)"
LONGEST = 255
LONGEST_NUMBER = 10
PREFIXES = frozenset(kind.value for kind in TokenKind)


class BadToken(PackistryError):
    """The token is malformed, unknown, expired or revoked, or its owner is disabled."""


@dataclass(frozen=True, kw_only=True)
class TokenText:
    """A well-formed token as a client sent it. Being well-formed proves nothing yet."""

    kind: TokenKind
    hash: str


def parse(text: str) -> TokenText | None:
    """What `text` claims to be; None unless prefix, length, alphabet and check sum are a token's.

    "{pkpat|pkdt}-{40 letters or digits}{crc32 of those, 8 hex digits}".
    """
    prefix, _, body = text.partition("-")
    if prefix not in PREFIXES or len(body) != RANDOM_LENGTH + CRC_LENGTH:
        return None
    random, crc = body[:RANDOM_LENGTH], body[RANDOM_LENGTH:]
    if not (random.isascii() and random.isalnum()) or crc != _crc(random):
        return None
    return TokenText(kind=TokenKind(prefix), hash=sha256(body.encode()).hexdigest())


def _crc(random: str) -> str:
    return f"{zlib.crc32(random.encode()):08x}"


class Tokens:
    """The tokens of users and of deployments."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(
        self,
        kind: TokenKind,
        name: str,
        *,
        user: User | None = None,
        can_read: bool = True,
        can_write: bool = False,
        can_call_api: bool = False,
        expires_at: datetime | None = None,
    ) -> tuple[Token, str]:
        """A new token and its text, which exists nowhere else. A personal one needs its `user`.

        Raises Invalid for a deploy token that shall open the API: it stands for nobody.
        """
        if can_call_api and kind is not TokenKind.PERSONAL:
            raise Invalid("Only a personal token opens the API: a deploy token stands for nobody.")
        random = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH))
        body = random + _crc(random)
        token = Token(
            kind=kind,
            name=name,
            hash=sha256(body.encode()).hexdigest(),
            user=user,
            can_read=can_read,
            can_write=can_write,
            can_call_api=can_call_api,
            expires_at=expires_at,
        )
        self._session.add(token)
        self._session.flush()
        return token, f"{kind}-{body}"

    def api_actor(self, claimed: TokenText) -> Actor | None:
        """Who calls the API with this token; None where it opens nothing there.

        It stands for its user, with all rights they have now.
        """
        row = self._session.execute(
            select(Token, User)
            .join(User, User.id == Token.user_id)
            .where(
                Token.hash == claimed.hash,
                Token.kind == claimed.kind,
                Token.can_call_api.is_(True),
            )
        ).one_or_none()
        if row is None or not usable(row.Token, row.User):
            return None
        actor = actor_of(row.Token, row.User)
        return replace(
            actor,
            can_read=True,
            can_write=True,
            can_call_api=True,
            label=f'{row.User.label} by the token "{row.Token.name}"',
        )

    def authenticate(self, text: str) -> Actor:
        """Whom the token speaks for. Raises BadToken, without saying which fault it is."""
        claimed = parse(text)
        row = None
        if claimed is not None:
            row = self._session.execute(
                select(Token, User)
                .outerjoin(User, User.id == Token.user_id)
                .where(Token.hash == claimed.hash, Token.kind == claimed.kind)
            ).one_or_none()
        if row is None or not usable(row.Token, row.User):
            raise BadToken("This token is unknown, expired or revoked.")
        return actor_of(row.Token, row.User)

    def get(self, token_id: int) -> Token:
        """Raises NotFound."""
        token = self._session.get(Token, token_id)
        if token is None:
            raise NotFound(f"There is no token number {token_id}.", noun="token")
        return token

    def find(self, name: str) -> Token:
        """The token called `name` that is not revoked, or the one numbered so.

        Raises NotFound, and Conflict when several have this name.
        """
        query = select(Token).where(Token.name == name, Token.revoked_at.is_(None))
        found = list(self._session.scalars(query.order_by(Token.id)))
        # Longer ones are none, and some databases refuse them.
        if not found and name.isascii() and name.isdigit() and len(name) < LONGEST_NUMBER:
            return self.get(int(name))
        if not found:
            raise NotFound(f'There is no token called "{name}".', noun="token")
        if len(found) > 1:
            numbers = ", ".join(str(token.id) for token in found)
            raise Conflict(f'Several tokens are called "{name}": say the number ({numbers}).')
        return found[0]

    def all(self) -> list[Token]:
        return list(self._session.scalars(select(Token).order_by(Token.id)))

    def rotate(self, token: Token, keep: timedelta) -> tuple[Token, str]:
        """Another token with the same name, abilities, rights and span of life, and its text.

        The old one, "{name} (replaced)" from now on, works for `keep` longer. Raises Conflict
        when it does not work any more.
        """
        if not usable(token, token.user):
            raise Conflict(f'"{token.name}" is revoked or expired. Make another token instead.')
        present = now()
        name = token.name
        lives = token.expires_at - token.created_at if token.expires_at else None
        made, text = self.add(
            token.kind,
            name,
            user=token.user,
            expires_at=present + lives if lives else None,
        )
        for ability in ABILITIES:
            setattr(made, ability, getattr(token, ability))
        self._session.add_all(
            Grant(
                token_id=made.id,
                repository_id=grant.repository_id,
                package_id=grant.package_id,
                can_read=grant.can_read,
                can_write=grant.can_write,
            )
            for grant in token.grants
        )
        token.name = name[: LONGEST - len(REPLACED)] + REPLACED
        if keep:
            end = present + keep
            token.expires_at = min(end, token.expires_at) if token.expires_at else end
        else:
            self.revoke(token)
        self._session.flush()
        return made, text

    def edit(self, token: Token, change: TokenChange) -> None:
        """What it is called. Its rights are changed by `Reach.grant`."""
        token.name = token.name if change.name is None else change.name

    def revoke(self, token: Token) -> None:
        """From the next request on nobody gets in with it."""
        token.revoked_at = token.revoked_at or now()


def usable(token: Token, user: User | None) -> bool:
    """Whether a token opens anything now."""
    if token.revoked_at is not None or (token.expires_at and token.expires_at <= now()):
        return False
    if token.kind == TokenKind.DEPLOY:
        return True
    return user is not None and user.active


def in_force(moment: datetime) -> ColumnElement[bool]:
    """Whether the Token at hand is neither revoked nor expired at that moment."""
    lasts = or_(Token.expires_at.is_(None), Token.expires_at > moment)
    return and_(Token.revoked_at.is_(None), lasts)


def actor_of(token: Token, user: User | None) -> Actor:
    """The actor behind a usable token."""
    return Actor(
        user_id=user.id if user else None,
        token_id=token.id,
        deploy_token_id=token.id if token.kind == TokenKind.DEPLOY else None,
        admin=user is not None and user.role == Role.ADMIN,
        can_read=token.can_read,
        can_write=token.can_write,
        label=f"{token.kind} {token.name}",
    )
