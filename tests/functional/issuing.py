"""A source whose provider is a fake of the tests, and a browser's way there and back."""

from typing import Any
from urllib.parse import urlencode

from webtest import TestResponse

from packistry.inputs import read
from packistry.inputs.sign_in import AuthenticationSourceChange, NewAuthenticationSource
from packistry.models import AuditEvent, Via
from packistry.runtime import Runtime
from packistry.services.access import SYSTEM
from packistry.services.audit import Author
from packistry.services.backends import Backends
from tests.functional.browser import HTML, Browser
from tests.unit.plugin.issuer import CLIENT_ID, CLIENT_SECRET, ISSUER, FakeIssuer

AUTHOR = Author(actor=SYSTEM, via=Via.CLI)
CONFIG = {"issuer": ISSUER, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}


class Issuing:
    """An installation whose people sign in at `issuer`, by the source with this `id`."""

    def __init__(self, runtime: Runtime, **fields: Any) -> None:
        self.runtime, self.issuer = runtime, FakeIssuer()
        runtime.backends = Backends(runtime.plugins, runtime.secrets, self.issuer.client())
        # One that was made before has other backends.
        vars(runtime).pop("context", None)
        self.id = self.add("SSO", **{"registration": True, **fields})

    def add(self, name: str, **fields: Any) -> int:
        """Another source at the same issuer; its id."""
        config = {**CONFIG, **fields.pop("config", {})}
        new = read(NewAuthenticationSource, name=name, provider="oidc", config=config, **fields)
        with self.runtime.change(AUTHOR) as services:
            return int(services.authentication_sources.add(new).id)

    def edit(self, **fields: Any) -> None:
        with self.runtime.change(AUTHOR) as services:
            source = services.authentication_sources.at(self.id)
            services.authentication_sources.edit(source, AuthenticationSourceChange(**fields))

    def leave(self, browser: Browser, path: str = "") -> str:
        """Follows the button of the sign-in page; where it leads."""
        page = browser.get(path or f"/auths/{self.id}/redirect", status=303)
        return str(page.headers["Location"])

    def answer(self, away: str) -> str:
        """The person agrees at the provider; what their browser is sent back with."""
        return f"/auths/{self.id}/callback?{urlencode(self.issuer.authorize(away))}"

    def sign_in(self, browser: Browser, status: int = 303) -> TestResponse:
        """The whole way."""
        return browser.get(self.answer(self.leave(browser)), status=status)

    def refusals(self) -> list[str]:
        """What the audit log says of those who were not let in."""
        with self.runtime.reading() as services:
            rows = services.session.query(AuditEvent).order_by(AuditEvent.id)
            return [row.note for row in rows if row.action == "sign-in.refused"]


__all__ = ["HTML", "ISSUER", "Issuing"]
