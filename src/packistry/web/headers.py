"""The headers that tell a browser what a page may do, and who may show it."""

from pyramid.response import Response

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
BARE_POLICY = "default-src 'none'; frame-ancestors 'none'"
DATA_HEADERS = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": BARE_POLICY}
FEATURES = ", ".join(
    f"{feature}=()"
    for feature in ("camera", "geolocation", "microphone", "payment", "usb", "browsing-topics")
)
YEAR = 365 * 86400


def protect(response: Response, *, https: bool) -> None:
    """Of a page: nothing from elsewhere, nothing inline, in no frame, kept by nobody."""
    response.headers.update(
        {
            "Content-Security-Policy": POLICY,
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": FEATURES,
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }
    )
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    if https:
        response.headers["Strict-Transport-Security"] = f"max-age={YEAR}"


def protect_data(response: Response) -> None:
    """Of what is no page: it is what it says it is, and does nothing if a browser shows it."""
    for name, value in DATA_HEADERS.items():
        response.headers.setdefault(name, value)
