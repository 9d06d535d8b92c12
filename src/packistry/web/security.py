"""Who asks, and whether they may enter the repository that the path names."""

from pyramid.request import Request

from packistry.services.reads import Access, Entrance, Reader
from packistry.services.tokens import TokenText
from packistry.web import answers
from packistry.web.addresses import Environ, base_url
from packistry.web.answers import Answer
from packistry.web.credentials import token_of
from packistry.web.parts import Parts


class Refused(Exception):
    """The request ends here, with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def enter(request: Request) -> Entrance:
    """The repository, entered. Raises Refused."""
    parts: Parts = request.parts
    entrance = parts.reads.entrance(claimed_token(request), repository(request))
    if entrance.reader.access is Access.ABSENT:
        raise Refused(answers.NO_REPOSITORY)
    admit(parts, request.environ, entrance.reader)
    return entrance


def admit(parts: Parts, environ: Environ, reader: Reader) -> None:
    """Notes the use of a token. Raises Refused unless the reader was granted what they named."""
    if reader.access is Access.STRANGER:
        raise Refused(no_credentials(parts, environ))
    if reader.access is Access.BAD_TOKEN:
        raise Refused(answers.BAD_TOKEN)
    if reader.token_id is not None:
        parts.tally.used(reader.token_id)
    if reader.access is not Access.GRANTED:
        raise Refused(answers.NOT_FOUND_PUBLIC if reader.public else answers.NOT_FOUND)


def no_credentials(parts: Parts, environ: Environ) -> Answer:
    """401, with the command that gives composer a token for this host."""
    return answers.no_credentials(base_url(environ, parts.runtime.settings.url))


def claimed_token(request: Request) -> TokenText | None:
    """The token of the request, not looked up yet; None when it has no credentials."""
    return token_of(request.environ.get("HTTP_AUTHORIZATION"))


def repository(request: Request) -> str:
    """The path of the repository named; "" for the root one."""
    path: str = request.matchdict.get("repository", "")
    return path
