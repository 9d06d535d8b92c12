"""The auth backend `github`: an account at a GitHub, by OAuth 2.0."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from packistry.plugin import (
    ConfigError,
    CredentialsError,
    Endpoints,
    Fault,
    HttpClient,
    Identity,
    NotFound,
    OAuth2Backend,
    SignInRefused,
    TokenAnswer,
)
from packistry_github.api import an_object, objects, text
from packistry_github.config import HEADERS, GitHubSignInConfig

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">'
    '<rect width="24" height="24" rx="5" fill="#24292f"/>'
    '<text x="12" y="17" font-family="sans-serif" font-size="13" font-weight="700" '
    'text-anchor="middle" fill="#fff">GH</text></svg>'
)
_OF_AN_APP = "ghu_"
# A scope includes others, and GitHub tells of the largest alone.
_INCLUDED = {
    "user": {"read:user", "user:email"},
    "admin:org": {"read:org"},
    "write:org": {"read:org"},
}


class GitHubSignIn(OAuth2Backend[GitHubSignInConfig]):
    """Accounts at GitHub.com, GitHub Enterprise Cloud or a GitHub Enterprise Server.

    With `groups`, the claim `groups` holds the names of somebody's organisations ("acme") and
    teams ("acme/backend"), as in addresses; `organizations` and `teams` hold their numbers, which
    do not change when they are renamed.
    """

    name = "github"
    title = "GitHub"
    icon = _ICON
    instructions = (
        "In GitHub, open the settings of your organisation, or your own, then Developer settings, "
        "OAuth Apps, and choose New OAuth app.",
        "Enter {callback_url} as its authorization callback URL, and the address of these pages "
        "as its homepage URL.",
        "Generate a client secret; copy the client ID and the secret.",
        "To map organisations and teams, tick Organisations and teams here. Each organisation may "
        "have to approve the application first.",
    )
    Config = GitHubSignInConfig

    def scopes(self) -> str:
        return "read:user user:email" + (" read:org" if self.config.groups else "")

    def endpoints(self) -> Endpoints:
        place = f"{self.config.url}/login/oauth"
        return Endpoints(authorize=f"{place}/authorize", token=f"{place}/access_token")

    def fault(self, error: str, description: str) -> Fault:
        # That is all GitHub says of a client ID that it does not know.
        return "client" if error == "Not Found" else super().fault(error, description)

    def check(self, callback_url: str) -> Sequence[str]:
        try:
            return super().check(callback_url)
        except NotFound as error:
            words = f"There is no GitHub at {self.config.url}. Check the address."
            raise ConfigError(words, fields={"url": words}) from error

    def identity(self, answer: TokenAnswer) -> Identity:
        self._accept(answer)
        bearer = {"Authorization": f"Bearer {answer.access_token}"}
        api = self.http.at(self.config.api_url, {**HEADERS, **bearer})
        user = an_object(api.get("/user").json())
        number = user.get("id")
        if not isinstance(number, int) or isinstance(number, bool):
            raise SignInRefused("GitHub does not say who you are.")
        email, verified = _primary(api)
        groups = _groups(api) if self.config.groups else {}
        return Identity(
            subject=str(number),
            email=email,
            email_verified=verified,
            name=text(user, "name") or text(user, "login"),
            claims={"login": text(user, "login"), **groups},
            evidence="primary and verified at /user/emails" if verified else "",
        )

    def _accept(self, answer: TokenAnswer) -> None:
        """People may allow less than they are asked for. A GitHub App asks for no scopes."""
        if answer.access_token.startswith(_OF_AN_APP):
            return
        given = set(answer.scope).union(*(_INCLUDED.get(each, ()) for each in answer.scope))
        missing = sorted(set(self.scopes().split()) - given)
        if missing:
            raise SignInRefused(
                f"GitHub was not allowed to tell us all we asked for (missing: "
                f"{', '.join(missing)}). Sign in again and allow it."
            )


def _primary(api: HttpClient) -> tuple[str, bool]:
    """(the main address, whether GitHub has seen that it is theirs); ("", False) without one.

    That of the profile is whatever somebody shows to the public.
    """
    with _told("e-mail addresses (Email addresses: read)"):
        for each in _every(api, "/user/emails"):
            if each.get("primary") is True and _deliverable(text(each, "email")):
                return text(each, "email"), each.get("verified") is True
    return "", False


def _deliverable(email: str) -> bool:
    return bool(email) and not email.rpartition("@")[2].startswith("users.noreply.")


def _groups(api: HttpClient) -> dict[str, list[str]]:
    with _told("organisations and teams (Members: read)"):
        organizations = list(_every(api, "/user/orgs"))
        teams = list(_every(api, "/user/teams"))
    names = [text(each, "login") for each in organizations]
    names += [f"{text(_owner(each), 'login')}/{text(each, 'slug')}" for each in teams]
    return {
        "groups": names,
        "organizations": [str(each.get("id")) for each in organizations],
        "teams": [str(each.get("id")) for each in teams],
    }


def _owner(team: Mapping[str, Any]) -> Mapping[str, Any]:
    return an_object(team.get("organization"))


def _every(api: HttpClient, path: str) -> Iterator[Mapping[str, Any]]:
    for page in api.pages(path, params={"per_page": "100"}):
        yield from objects(page.json())


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Says what an application may not see. GitHub calls it forbidden, or not there at all."""
    try:
        yield
    except (CredentialsError, NotFound) as error:
        raise SignInRefused(f"GitHub does not let us see your {what}: {error}") from error
