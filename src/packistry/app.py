"""The WSGI application of an installation, for our own server or another."""

from packistry.web.application import Application, make_app

__all__ = ["Application", "make_app"]
