"""A small OpenID provider for tests: discovery, authorization without a form, token, keys. Signs in whom it is told to."""

from __future__ import annotations

import base64
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.browser.lab_process import free_port

CLIENT, SECRET = "lab", "a secret of the client's"


class Provider:
    """Whoever comes is `who`: subject and verified e-mail address; on loopback alone."""

    def __init__(self) -> None:
        self.port = free_port()
        self.key = RSAKey.generate_key(2048, {"kid": "k", "use": "sig", "alg": "RS256"})
        self.who = ("1", "ada@example.org")
        self._nonces: dict[str, str] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def discovery(self, request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def authorize(self, request: Request) -> Response:
        asked = request.query_params
        code = secrets.token_urlsafe(8)
        self._nonces[code] = asked.get("nonce", "")
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}", 302)

    async def token(self, request: Request) -> Response:
        sent = await request.form()
        basic = base64.b64decode(request.headers.get("authorization", "Basic ").partition(" ")[2]).decode()
        nonce = self._nonces.pop(str(sent.get("code")), None)
        if nonce is None or (basic and not basic.startswith(CLIENT)):
            return JSONResponse({"error": "invalid_grant"}, 400)
        now, (subject, address) = int(time.time()), self.who
        claims = {"iss": self.url, "aud": CLIENT, "sub": subject, "iat": now, "exp": now + 600, "nonce": nonce,
                  "email": address, "email_verified": True}  # fmt: skip
        signed = jwt.encode({"alg": "RS256", "kid": "k"}, claims, self.key)
        return JSONResponse({"access_token": "a", "token_type": "Bearer", "expires_in": 600, "id_token": signed})

    async def keys(self, request: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    def secrets_toml(self, lab_url: str) -> str:
        """What Streamlit's sign-in needs to know."""
        return "\n".join(
            (
                "[auth]",
                f'redirect_uri = "{lab_url}/oauth2callback"',
                f'cookie_secret = "{secrets.token_urlsafe(32)}"',
                f'client_id = "{CLIENT}"',
                f'client_secret = "{SECRET}"',
                f'server_metadata_url = "{self.url}/.well-known/openid-configuration"',
            )
        )


@contextmanager
def provider() -> Iterator[Provider]:
    """A provider that answers until the end of the block."""
    made = Provider()
    listed = [
        Route("/.well-known/openid-configuration", made.discovery),
        Route("/authorize", made.authorize),
        Route("/token", made.token, methods=["POST"]),
        Route("/keys", made.keys),
    ]
    config = uvicorn.Config(Starlette(routes=listed), host="127.0.0.1", port=made.port, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield made
    server.should_exit = True
    thread.join(10)
