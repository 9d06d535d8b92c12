"""What the server of `forked` imports before it forks."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import packistry.cli
    import packistry.web.server

__all__ = ["packistry"]
