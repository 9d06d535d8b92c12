"""A browser without a screen: cookies, forms with their token, one person."""

from typing import Any

from webtest import TestApp, TestResponse

from packistry.models import Role, User
from packistry.runtime import Runtime
from packistry.services.sessions import hash_of, new_cookie
from packistry.web.cookies import SESSION

HTML = {"Accept": "text/html"}
PASSWORD = "seven red umbrellas"


class Browser:
    """What one person sees, clicks and sends. `user_id` None: a stranger."""

    def __init__(self, application: Any, cookie: str = "", user_id: int | None = None) -> None:
        self.app = TestApp(application, extra_environ={"REMOTE_ADDR": "192.0.2.7"})
        self.user_id = user_id
        if cookie:
            self.app.set_cookie(SESSION, cookie)

    def get(self, path: str, status: Any = 200, **options: Any) -> TestResponse:
        return self.app.get(path, headers=HTML, status=status, **options)

    def post(
        self, path: str, /, status: Any = 303, headers: Any = None, **fields: Any
    ) -> TestResponse:
        """Sends a form as a page of ours would, with its token."""
        values = {"csrf": self.csrf, **fields}
        return self.app.post(path, values, headers={**HTML, **(headers or {})}, status=status)

    def submit(self, page: TestResponse, status: Any = 303, **fields: Any) -> TestResponse:
        """Fills in the page's main form and sends it."""
        form = next(
            form
            for form in page.forms.values()
            if not (form.action or "").endswith(("/theme", "/logout")) and form.method == "post"
        )
        for name, value in fields.items():
            form[name] = value
        return form.submit(headers=HTML, status=status)

    @property
    def csrf(self) -> str:
        from hashlib import sha256

        cookie = self.app.cookies.get(SESSION, "")
        return sha256(b"csrf\0" + cookie.strip('"').encode()).hexdigest()


def person(
    runtime: Runtime, application: Any, email: str, *, admin: bool = False, name: str = "Jo"
) -> Browser:
    """Somebody who is signed in, without the time that a password takes."""
    with runtime.transaction() as services:
        user = services.users.find(email) or User(
            email=email, name=name, role=Role.ADMIN if admin else Role.USER
        )
        services.session.add(user)
        services.session.flush()
        cookie = services.sessions.begin(user, address="192.0.2.7", agent="Test")
        return Browser(application, cookie, user.id)


__all__ = ["HTML", "PASSWORD", "Browser", "hash_of", "new_cookie", "person"]
