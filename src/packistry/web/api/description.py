"""The API's description of itself."""

from pyramid.response import Response

from packistry.services import Services
from packistry.services.access import Permission
from packistry.web import answers
from packistry.web.api import openapi
from packistry.web.api.call import CALLS as REGISTERED
from packistry.web.api.call import ApiVisit, Call


def show(visit: ApiVisit, _services: Services) -> Response:
    """The document, for this server's address."""
    found = openapi.document(visit.request.registry[REGISTERED], visit.base_url)
    return Response(answers.json_bytes(found), content_type=answers.JSON)


CALLS = (
    Call(
        name="openapi",
        method="GET",
        path="/openapi.json",
        permission=Permission.OPEN,
        tag="Description",
        summary="This API as an OpenAPI 3.1 document",
        returns=dict[str, object],
        show=show,
    ),
)
