"""The OpenID provider of the tests: a real one, in a process that ends with ours."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests

from packistry.netguard import NetGuard
from packistry.plugin import HttpClient

HERE = Path(__file__).parent
CLIENT_ID = "packistry"
CLIENT_SECRET = "secret-of-the-tests-canary"
USERS: Mapping[str, Mapping[str, Any]] = {
    "alice": {
        "name": "Alice",
        "email": "alice@example.test",
        "email_verified": True,
        "groups": ["devs"],
    },
    "bob": {"name": "Bob", "email": "bob@elsewhere.test", "email_verified": True},
    # Claims an address that is not hers.
    "mallory": {"name": "Mallory", "email": "alice@example.test", "email_verified": False},
    "noemail": {"name": "No Mail"},
}
_STEPS = 12


@dataclass(frozen=True)
class OpenIDProvider:
    """`users` sign in with their key as the login and any password."""

    issuer: str

    def configure(self, *, users: Mapping[str, Any] = USERS, **settings: Any) -> None:
        """Forgets all, and begins anew: `redirect_uris`, `logout_uris`, `skew` (seconds by which
        its clock is ahead), `rotate` (new keys), `down`, `claims_in_userinfo`, `keep` (forget
        nothing, after all)."""
        told = {"users": users, **settings}
        requests.post(f"{self.issuer}/control", json=told, timeout=10).raise_for_status()

    def client(self) -> HttpClient:
        """A client that may reach it."""
        return HttpClient(NetGuard(["127.0.0.1"]))

    def authorize(self, url: str, login: str = "alice", *, consent: bool = True) -> dict[str, str]:
        """What the browser of somebody who signs in brings back to the redirect URI."""
        browser = requests.Session()
        target = dict(parse_qsl(urlsplit(url).query))["redirect_uri"]
        answer = browser.get(url, allow_redirects=False, timeout=10)
        for _ in range(_STEPS):
            location = urljoin(answer.url, answer.headers.get("Location", ""))
            if answer.is_redirect and location.startswith(target):
                return dict(parse_qsl(urlsplit(location).query))
            if answer.is_redirect:
                answer = browser.get(location, allow_redirects=False, timeout=10)
                continue
            assert answer.ok, answer.text
            if 'name="login"' in answer.text:
                form = {"prompt": "login", "login": login, "password": "any"}
            elif consent:
                form = {"prompt": "consent"}
            else:
                answer = browser.get(f"{answer.url}/abort", allow_redirects=False, timeout=10)
                continue
            answer = browser.post(answer.url, data=form, allow_redirects=False, timeout=10)
        raise AssertionError("the provider does not send the browser back")


@contextmanager
def running() -> Iterator[OpenIDProvider]:
    """One provider, until the block ends."""
    process = subprocess.Popen(
        ["node", "provider.mjs"],
        cwd=HERE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        port = process.stdout.readline().strip()
        assert port, "the provider does not start; has script/test installed it?"
        yield OpenIDProvider(f"http://127.0.0.1:{port}")
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(timeout=10)
