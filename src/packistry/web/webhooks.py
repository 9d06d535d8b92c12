"""Deliveries of webhooks: POST {repo}/incoming/{provider}/{source}[/{key}]."""

from pyramid.request import Request
from pyramid.response import Response

from packistry.models import DeliveryVerdict
from packistry.services.receiving import Address, Receipt
from packistry.web import answers
from packistry.web.errors import BadRequest
from packistry.web.http import MAX_DELIVERY
from packistry.web.parts import Parts

STATUS = {
    DeliveryVerdict.ACCEPTED: 202,
    DeliveryVerdict.IGNORED: 200,
    DeliveryVerdict.REFUSED: 401,
    DeliveryVerdict.UNREADABLE: 400,
    DeliveryVerdict.UNKNOWN: 404,
    DeliveryVerdict.FAILED: 503,
}
# What HTTP wants to be said with a 401. Nobody is to be asked for a password.
CHALLENGE = {"WWW-Authenticate": "Webhook"}
LATER = {"Retry-After": "300"}
CHUNK = 64 * 1024


def incoming(request: Request) -> Response:
    """Takes a delivery: what it asks for is owed, and will be done later."""
    parts: Parts = request.parts
    matched = request.matchdict
    address = Address(
        provider=matched["provider"],
        source=matched["source"],
        key=matched.get("key", ""),
        repository=matched.get("repository"),
    )
    body = _body(request)
    if body is None:
        parts.receiver.too_large(address, MAX_DELIVERY)
        raise BadRequest(f"A delivery has at most {MAX_DELIVERY} bytes.", status=413)
    return _answer(address, parts.receiver.receive(address, dict(request.headers), body))


def _body(request: Request) -> bytes | None:
    """None when it is too large."""
    stream = request.body_file_raw if request.content_length is not None else request.body_file
    left = min(request.content_length or 0, MAX_DELIVERY + 1)
    found = bytearray()
    while left > 0 and (some := stream.read(min(left, CHUNK))):
        found += some
        left -= len(some)
    return bytes(found) if len(found) <= MAX_DELIVERY else None


def _answer(address: Address, receipt: Receipt) -> Response:
    status, word = STATUS[receipt.verdict], receipt.verdict.value
    if receipt.verdict is DeliveryVerdict.UNKNOWN and not address.key:
        # A webhook of a group tells of all its projects, and hosts switch off what often fails.
        status, word = 202, DeliveryVerdict.IGNORED.value
    if status >= 400:
        headers = {401: CHALLENGE, 503: LATER}.get(status)
        answer = answers.error(status, receipt.message, headers=headers)
        return Response(status=answer.status, headerlist=answer.headers[:], body=answer.body)
    body = {"status": word, "message": receipt.message}
    if receipt.delivery_id is not None:
        body["delivery"] = str(receipt.delivery_id)
    return Response(
        status=status,
        headerlist=[("Content-Type", answers.JSON), ("Cache-Control", "no-store")],
        body=answers.json_bytes(body),
    )
