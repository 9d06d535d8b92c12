"""What the answers of both Bitbuckets mean for the person who set the source up."""

from collections.abc import Iterator
from contextlib import contextmanager

from packistry.plugin import CredentialsError, NotFound, Unavailable, redirected_to

CLOUD_SCOPES = (
    "An API token needs the scopes read:repository:bitbucket, read:webhook:bitbucket,"
    " write:webhook:bitbucket and delete:webhook:bitbucket; an access token needs Repositories:"
    " Read and Webhooks: Read and write."
)
SERVER_RIGHTS = (
    "An HTTP access token needs the permission repository admin; without webhooks, repository"
    " read is enough."
)


@contextmanager
def explained(
    url: str, rights: str, *, refused: str, missing: str = "", no_api: str = ""
) -> Iterator[None]:
    """Says of a request to the Bitbucket at `url` what was wrong and what to do about it.

    `rights` is what a token needs, `refused` what to say of a 401, `missing` of a 404, `no_api` of
    what is no answer of Bitbucket; "" leaves the words as they are.
    """
    try:
        yield
    except CredentialsError as error:
        if error.response is None:
            raise
        lacks = error.response.status == 403
        words = f"This token lacks a right. {rights} Bitbucket said: {error}" if lacks else refused
        raise CredentialsError(words, response=error.response) from error
    except NotFound as error:
        if not missing:
            raise
        raise NotFound(missing, response=error.response) from error
    except Unavailable as error:
        raise Unavailable(_unavailable(url, error, no_api), response=error.response) from error


@contextmanager
def explained_webhook(path: str, rights: str) -> Iterator[None]:
    """Says why the webhook of the repository at `path` cannot be managed."""
    try:
        yield
    except NotFound as error:
        words = f"Bitbucket knows no repository {path}, or hides it from this token."
        raise NotFound(words, response=error.response) from error
    except CredentialsError as error:
        if error.response is None or error.response.status != 403:
            raise
        raise CredentialsError(
            f"This token may not manage the webhooks of {path}. {rights} Its owner must be an"
            " administrator of the repository.",
            response=error.response,
        ) from error


def _unavailable(url: str, error: Unavailable, no_api: str) -> str:
    response = error.response
    if response is None:
        return str(error)
    if 300 <= response.status < 400:
        target = redirected_to(response)
        return f"{url} redirects to {target}. If Bitbucket is there, enter that address instead."
    return no_api if no_api and response.status < 300 else str(error)
