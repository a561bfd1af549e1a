"""Storage's one application: the distribution API and the internal paths, for services of the same registry only."""

from aiohttp import web

from moorage.distribution.content import Content
from moorage.distribution.errors import render_registry_errors
from moorage.distribution.inside import notes_to_headers
from moorage.distribution.server.limits import Limits
from moorage.distribution.server.routes import DEFAULT_LIMITS, add_distribution
from moorage.storage.http.gate import InternalGate
from moorage.storage.http.internal import add_internal


def application(content: Content, service_token: str, limits: Limits = DEFAULT_LIMITS) -> web.Application:
    """Serves `content` to whoever shows the service token.

    The composition root adds the health paths (moorage.runtime.health) and serves it (moorage.runtime.serving).
    """
    app = web.Application(middlewares=[render_registry_errors])
    app.on_response_prepare.append(notes_to_headers)
    gate = InternalGate(service_token)
    add_distribution(app, gate, content, limits)
    add_internal(app, gate, content)
    return app
