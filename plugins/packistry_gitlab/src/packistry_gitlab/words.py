"""What GitLab's answers mean for the person who set the source up."""

from collections.abc import Iterator
from contextlib import contextmanager

from packistry.plugin import (
    CredentialsError,
    HttpResponse,
    NotFound,
    Rejected,
    Unavailable,
    redirected_to,
)

SCOPES = (
    "It needs the scope api; without webhooks, the scopes read_api and read_repository are enough."
)


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Says of a request to the GitLab at `url` what was wrong and what to do about it."""
    try:
        yield
    except CredentialsError as error:
        if error.response is None:
            raise
        said = _credentials(url, error, error.response)
        raise CredentialsError(said, response=error.response) from error
    except Unavailable as error:
        raise Unavailable(_unavailable(url, error), response=error.response) from error


def no_api(url: str) -> str:
    """There is something at the URL, and it is not GitLab."""
    return (
        f"There is no GitLab API at {url}. Enter the address of GitLab itself, with its sub-path"
        " if it has one and without /api/v4."
    )


@contextmanager
def explained_webhook(path: str, url: str = "") -> Iterator[None]:
    """Says why the webhook of the project at `path`, which sends to `url`, cannot be managed."""
    try:
        yield
    except NotFound as error:
        raise NotFound(
            f"GitLab knows no project {path}, or hides it from this token's user.",
            response=error.response,
        ) from error
    except CredentialsError as error:
        if error.response is not None and error.response.status == 403:
            raise CredentialsError(
                f"This token may not manage the webhooks of {path}. It needs the scope api, and"
                " its user the role Maintainer in the project.",
                response=error.response,
            ) from error
        raise
    except Rejected as error:
        if error.response is not None and error.response.status == 422:
            raise Rejected(
                f"GitLab refuses to send webhooks to {url}. If that address is in a private"
                " network, a GitLab administrator must allow it: Admin area, Settings, Network,"
                f" Outbound requests. GitLab said: {error}",
                response=error.response,
            ) from error
        raise


def _credentials(url: str, error: CredentialsError, response: HttpResponse) -> str:
    if response.status == 403 and b"scope" in response.body:
        return f"This token lacks a scope. {SCOPES}"
    if response.status == 403:
        return f"GitLab at {url} refuses this token's user. {error}"
    if b"revoked" in response.body:
        what = "has been revoked"
    elif b"expired" in response.body:
        what = "has expired"
    else:
        what = "is not accepted: it is mistyped, expired, revoked or of another GitLab"
    return f"The access token for {url} {what}. Make a new one and enter it. {SCOPES}"


def _unavailable(url: str, error: Unavailable) -> str:
    response = error.response
    if response is None:
        return str(error)
    if 300 <= response.status < 400:
        target = redirected_to(response)
        return f"{url} redirects to {target}. If that is your GitLab, enter its address instead."
    return no_api(url) if response.status < 300 else str(error)
