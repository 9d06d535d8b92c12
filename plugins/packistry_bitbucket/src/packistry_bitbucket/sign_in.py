"""The auth backend `bitbucket`: an account at Bitbucket Cloud, by OAuth 2.0."""

from collections.abc import Iterator, Mapping
from typing import Any

from packistry.plugin import (
    CredentialsError,
    Endpoints,
    HttpClient,
    Identity,
    NotFound,
    OAuth2Backend,
    OAuth2Config,
    Rejected,
    SignInRefused,
    TokenAnswer,
)
from packistry_bitbucket.answers import mapping, next_page, values

_WEB = "https://bitbucket.org/site/oauth2"
_API = "https://api.bitbucket.org/2.0"
_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">'
    '<rect width="24" height="24" rx="5" fill="#1d4ed8"/>'
    '<text x="12" y="17" font-family="sans-serif" font-size="14" font-weight="700" '
    'text-anchor="middle" fill="#fff">B</text></svg>'
)


class BitbucketSignIn(OAuth2Backend[OAuth2Config]):
    """Accounts at bitbucket.org. Groups are the workspaces somebody is a member of.

    The claim `groups` holds their ids, as in addresses; `workspaces` their UUIDs, which do not
    change when a workspace gets another id.
    """

    name = "bitbucket"
    title = "Bitbucket"
    icon = _ICON
    scope = "account email"
    instructions = (
        "In Bitbucket, open the settings of your workspace, choose OAuth consumers and add one.",
        "Enter {callback_url} as its callback URL, and leave This is a private consumer on.",
        "Tick the permissions Account: Email and Account: Read, and save.",
        "Copy its key as the client ID, and its secret.",
    )
    Config = OAuth2Config

    def endpoints(self) -> Endpoints:
        return Endpoints(
            authorize=f"{_WEB}/authorize",
            token=f"{_WEB}/access_token",
            client_authentication="client_secret_basic",
        )

    def identity(self, answer: TokenAnswer) -> Identity:
        api = self.api(_API, answer)
        try:
            user = mapping(api.get("user"))
            email, confirmed = _primary(api)
        except CredentialsError as error:
            raise SignInRefused(
                "Bitbucket does not let us see your account and e-mail address: the OAuth consumer"
                " lacks the permission Account: Read or Account: Email."
            ) from error
        subject = user.get("uuid")
        if not isinstance(subject, str) or not subject:
            raise SignInRefused("Bitbucket does not say who you are.")
        ids, uuids = _workspaces(api)
        return Identity(
            subject=subject,
            email=email,
            email_verified=confirmed,
            name=_text(user, "display_name") or _text(user, "nickname"),
            groups=tuple(ids),
            claims={"groups": ids, "workspaces": uuids},
            evidence="is_primary and is_confirmed at /user/emails" if confirmed else "",
        )


def _primary(api: HttpClient) -> tuple[str, bool]:
    """(the main address, whether its owner has confirmed it); ("", False) without one."""
    for each in _every(api, "user/emails"):
        if each.get("is_primary") is True and _text(each, "email"):
            # What does not say that it is confirmed is not.
            return _text(each, "email"), each.get("is_confirmed") is True
    return "", False


def _workspaces(api: HttpClient) -> tuple[list[str], list[str]]:
    """(ids, UUIDs); none where the consumer may not see them."""
    try:
        found = [each.get("workspace") for each in _every(api, "user/workspaces")]
    except (CredentialsError, NotFound, Rejected):
        return [], []
    known = [each for each in found if isinstance(each, dict)]
    ids, uuids = ([_text(each, name) for each in known] for name in ("slug", "uuid"))
    return list(filter(None, ids)), list(filter(None, uuids))


def _every(api: HttpClient, url: str) -> Iterator[Mapping[str, Any]]:
    for page in api.pages(url, params={"pagelen": "100"}, next_page=next_page):
        yield from values(page)


def _text(document: Mapping[str, Any], name: str) -> str:
    found = document.get(name)
    return found if isinstance(found, str) else ""
