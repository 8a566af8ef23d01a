"""What serves one provider of the sandbox: its token endpoint, and its API at all other paths.

``_endpoint`` decides how to respond to a token request, ``_fault_kinds`` says what can go wrong, and ``_memory`` keeps
tokens, requests and faults.
"""

import itertools
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from time import perf_counter
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Scope

from paygrant._arguments import check_text, invalid_argument
from paygrant._spec.reader import JSON, TEXT
from paygrant.sandbox import _wire
from paygrant.sandbox._binding import check_certificate, check_key
from paygrant.sandbox._client_auth import Client, Evidence, Nonces
from paygrant.sandbox._endpoint import Endpoint, EndpointResponse
from paygrant.sandbox._fault_kinds import STAGES, Stage, Target
from paygrant.sandbox._faults import Faults
from paygrant.sandbox._guard import RequestError, limited_body
from paygrant.sandbox._jwt import JwtError, VerifyingKey
from paygrant.sandbox._memory import ApiResponse, IssuedToken, Memory
from paygrant.sandbox._record import UNKNOWN, RecordedRequest, Redaction, shown_method
from paygrant.sandbox._request_reader import RequestParts

logger = logging.getLogger("paygrant.sandbox")

NOT_KEPT = {"Cache-Control": "no-store"}
"""The header of a response with secrets (RFC 6749 section 5.1)."""

RECORDED = "paygrant.recorded"
"""The mark of a request that is recorded, in its ASGI scope."""

RESOURCE = "/resource"
"""A path of every API, for tests that need no other."""

_LARGEST_BODY = 1 << 20
"""Bytes. No token request comes near it."""


class Journal:
    """What all providers share: the clock, the numbers of requests and faults, and a mark for each change."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.numbers = itertools.count(1)
        self._marks = itertools.count(1)
        self.mark = 0

    def changed(self) -> None:
        """Make a new mark. Safe to call from any thread."""
        self.mark = next(self._marks)


class SandboxProvider:
    """One provider of the sandbox: its endpoint and its memory. Safe to use from any thread."""

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        client: Client,
        journal: Journal,
        keys: Callable[[], tuple[VerifyingKey, ...]] = tuple,
    ) -> None:
        self.name = name
        self.endpoint = endpoint
        self.keys = keys
        """Returns the public keys that the sandbox has made for its client."""
        self._journal = journal
        self.memory = self._new_memory()
        self._redaction = Redaction(
            endpoint.requests.open_names, endpoint.requests.fixed, (client.client_id, client.client_secret)
        )

    def routes(self) -> list[Route]:
        """The provider's routes. Their paths start with its name."""
        return [
            _AnyMethod(f"/{self.name}/{{path:path}}", self.serve),
        ]

    async def serve(self, request: Request) -> Response:
        """Pass a request on to the token endpoint, or to the API."""
        if not self.is_token_endpoint(request.scope["path"]):
            return await self.call_api(request)
        if request.method == self.endpoint.method:
            return await self.create_token(request)
        parts = self.endpoint.requests.read({}, request.url.query, b"")
        if self.endpoint.token_in(request.headers, parts.query) is not None:
            return await self.call_api(request)
        raise RequestError(HTTPStatus.METHOD_NOT_ALLOWED, "this path is the token endpoint's", self.endpoint.method)

    def is_token_endpoint(self, path: str) -> bool:
        """Whether a path of the sandbox is the token endpoint's."""
        return self.endpoint.is_at(path.removeprefix(f"/{self.name}"))

    async def create_token(self, request: Request) -> Response:
        """The token endpoint."""
        memory = self.memory
        memory.count_token_request()
        body = await limited_body(request, _LARGEST_BODY)
        parts = self.endpoint.requests.read(request.headers, request.url.query, body)
        return await TokenRequestHandler(self, memory, request, parts).respond()

    async def call_api(self, request: Request) -> Response:
        """The API: any method and any path, with a token (RFC 6750)."""
        memory = self.memory
        memory.count_api_call()
        await limited_body(request, _LARGEST_BODY)
        parts = self.endpoint.requests.read({}, request.url.query, b"")
        return await ApiRequestHandler(self, memory, request, parts).respond()

    def now(self) -> float:
        """The sandbox's time, in seconds since the epoch."""
        return self._journal.clock()

    def shown_path(self, path: str, *, accepted: bool) -> str:
        """A path of the API as records show it. It is shown if a live token came with it and it contains no secret."""
        return path if accepted and self._redaction.shows(path) else f"/{self.name}/{UNKNOWN}"

    def shown_token_path(self, path: str) -> str:
        """The token endpoint's path as records show it. What fills its placeholders is not shown: it may be secret."""
        return f"/{self.name}{self.endpoint.path}" if self.is_token_endpoint(path) else f"/{self.name}/{UNKNOWN}"

    def set_response(self, method: str, path: str, response: ApiResponse) -> None:
        """Respond in this way to calls of the API with a live token.

        Raises:
            ConfigurationError: This is the token endpoint.
        """
        if method == self.endpoint.method and self.endpoint.is_at(path):
            raise invalid_argument("path", "is the token endpoint", "a path of the API")
        self.memory.responses[method, path] = response

    def register_key(self, key: VerifyingKey) -> None:
        """Accept assertions by a key, until the sandbox is reset."""
        self.memory.keys = (*self.memory.keys, key)

    def expect_audience(self, audience: str | None) -> None:
        """Accept assertions for this audience only, until the sandbox is reset. None: as the spec says.

        Raises:
            ConfigurationError: It is not a string.
        """
        if audience is not None:
            check_text("audience", audience)
        self.memory.audience = audience

    def revoke(self) -> None:
        """Revoke all tokens."""
        self.memory.revoke()
        self._journal.changed()

    def reset(self) -> None:
        """Forget everything. A request that waits continues, and leaves no trace."""
        old, self.memory = self.memory, self._new_memory()
        old.end()
        self._journal.changed()

    def record(  # noqa: PLR0913 - the facts of a request
        self,
        memory: Memory,
        scope: Scope,
        path: str,
        status: int,
        *,
        at: float,
        milliseconds: float,
        parts: RequestParts | None = None,
        faults: tuple[str, ...] = (),
        reason: str = "",
    ) -> None:
        """Record a request."""
        scope[RECORDED] = True
        known = self.endpoint.requests.names
        request = RecordedRequest(
            next(self._journal.numbers),
            at,
            self.name,
            shown_method(scope["method"]),
            path,
            int(status) or None,
            round(milliseconds, 3),
            self._redaction.headers(scope["headers"]),
            self._redaction.parameters(parts.query, parts.body, parts.headers, known=known) if parts else {},
            faults,
            reason,
        )
        memory.record(request)
        self._journal.changed()
        log(scope, path, status, faults, reason)

    def _new_memory(self) -> Memory:
        return Memory(Faults(self.endpoint, self._journal.numbers, self._journal.changed))


class _AnyMethod(Route):
    """A route that serves every method."""

    def __init__(self, path: str, endpoint: Callable[..., Any]) -> None:
        super().__init__(path, endpoint)
        self.methods = None


class _RequestHandler:
    """Handles one request: applies the faults, makes the response, and records both before the response is sent."""

    target: Target

    def __init__(self, provider: SandboxProvider, memory: Memory, request: Request, parts: RequestParts) -> None:
        self.provider = provider
        self.memory = memory
        self.endpoint = provider.endpoint
        self.request = request
        self.parts = parts
        self.now = provider.now()
        self.lifetime: int | None = None
        self.oddity: str | None = None
        self.skew = 0.0
        self.nonces: Nonces | None = None
        self.replayed = False
        self.reason = ""
        self._began = perf_counter()
        self._applied: list[str] = []

    async def respond(self) -> Response:
        """The response, with all faults applied."""
        try:
            response = await self._stage(STAGES)
        except _wire.DisconnectedError:
            response = _wire.NoResponse()
        self.provider.record(
            self.memory,
            self.request.scope,
            self.shown_path,
            response.status_code,
            at=self.now,
            milliseconds=(perf_counter() - self._began) * 1000,
            parts=self.parts,
            faults=tuple(self._applied),
            reason=self.reason,
        )
        return response

    @property
    def evidence(self) -> Evidence:
        """What the request has besides its parameters, for the checks of keys, proofs and certificates."""
        request, memory = self.request, self.memory
        path = request.scope.get("raw_path", b"").partition(b"?")[0].decode("latin-1") or request.scope["path"]
        return Evidence(
            self.provider.now() + self.skew,
            request.method,
            f"{request.url.scheme}://{request.url.netloc}{path}",
            request.headers.getlist("DPoP"),
            _wire.certificate(request.scope),
            self.nonces,
            lambda: (*self.provider.keys(), *memory.keys),
            memory.audience,
            self._is_first,
        )

    def _is_first(self, identifier: str, until: float) -> bool:
        return self.memory.is_first_use(identifier, until, self.provider.now() + self.skew) and not self.replayed

    @property
    def shown_path(self) -> str:
        """The path, as records show it."""
        return self.provider.shown_token_path(self.request.scope["path"])

    async def pause(self, seconds: float) -> None:
        """Wait. A reset ends the wait."""
        await _wire.pause(seconds, self.request.receive, self.memory.waking)

    def refusal(self) -> Response:
        """The response to wrong credentials, or to a revoked token."""
        raise NotImplementedError

    def error(self, status: int, headers: Mapping[str, str]) -> Response:
        """An error response in the provider's format."""
        return as_json(self.endpoint.error(status).document, status, headers)

    def normal_response(self) -> Response:
        """The response if no fault replaces it."""
        raise NotImplementedError

    async def _stage(self, stages: tuple[Stage, ...]) -> Response:
        for position, stage in enumerate(stages, 1):
            if fault := self.memory.faults.take(stage, self.target):
                self._applied.append(fault.kind)
                if response := await fault.apply(self, self._proceed(stages[position:])):
                    return response
                self._applied.remove(fault.kind)
        return self.normal_response()

    def _proceed(self, stages: tuple[Stage, ...]) -> Callable[[], Awaitable[Response]]:
        return lambda: self._stage(stages)


class TokenRequestHandler(_RequestHandler):
    """Handles a token request."""

    target: Target = "token"

    def refusal(self) -> Response:
        """The provider's response to wrong credentials."""
        return _as_response(self.endpoint.wrong_credentials)

    def normal_response(self) -> Response:
        """The response that the provider documents."""
        now, evidence = self.provider.now(), self.evidence
        response = self.endpoint.respond(
            self.parts, now + self.skew, lifetime=self.lifetime, oddity=self.oddity, evidence=evidence
        )
        self.reason = response.reason
        if response.token is not None:
            token = IssuedToken(response.token, now, response.expires_at - self.skew, response.binding)
            self.memory.issue(token)
        return _as_response(response)


class ApiRequestHandler(_RequestHandler):
    """Handles a call of the API."""

    target: Target = "resource"
    accepted = False

    @property
    def shown_path(self) -> str:
        """The path, if it is known or a live token came with it: other paths may be secrets in the wrong place."""
        path: str = self.request.scope["path"]
        rest = path.removeprefix(f"/{self.provider.name}")
        known = rest == RESOURCE or any(each == rest for _, each in self.memory.responses)
        return path if known else self.provider.shown_path(path, accepted=self.accepted)

    def refusal(self) -> Response:
        """The response to a revoked token (RFC 6750 section 3.1)."""
        status = self.endpoint.use.rejected_statuses[0]
        if self.endpoint.is_by_proof(self.request.headers):
            return self._proof_challenge("invalid_token", status)
        return self._challenge(status, ', error="invalid_token"')

    def normal_response(self) -> Response:
        """What a test has set for this call, if the request has a valid token where the spec says that it is."""
        token = self.endpoint.token_in(self.request.headers, self.parts.query)
        if token is None:
            return self._challenge(self.endpoint.use.rejected_statuses[0], "")
        if (header := self.endpoint.missing_header(self.request.headers)) is not None:
            return as_json({"error": f"{header}: expected this header with its right value"}, HTTPStatus.BAD_REQUEST)
        issued = self.memory.find(token, self.provider.now())
        if issued is not None and (refused := self._binding_refusal(issued)):
            return refused
        if issued is None or (self.endpoint.use.single_use and not self.memory.use_up(token)):
            return self.refusal()
        self.accepted = True
        return self._accepted_response()

    def _accepted_response(self) -> Response:
        path = self.request.scope["path"].removeprefix(f"/{self.provider.name}")
        found = self.memory.responses.get((self.request.method, path))
        if found is None:
            return as_json({"provider": self.provider.name})
        if found.document is None:
            return Response(status_code=found.status, headers=found.headers)
        return as_json(found.document, found.status, found.headers)

    def _binding_refusal(self, token: IssuedToken) -> Response | None:
        """The refusal of a call that lacks what its token is bound to: a certificate, or a proof."""
        is_by_proof = self.endpoint.is_by_proof(self.request.headers)
        if not token.binding and not is_by_proof:
            return None
        evidence = self.evidence
        try:
            check_certificate(token, evidence)
        except JwtError as error:
            self.reason = str(error)
            return self._challenge(HTTPStatus.UNAUTHORIZED, f', error="{error.code}"')
        try:
            check_key(token, evidence, is_by_proof=is_by_proof)
        except JwtError as error:
            self.reason = str(error)
            return self._proof_challenge(error.code)
        return None

    def _proof_challenge(self, code: str, status: int = HTTPStatus.UNAUTHORIZED) -> Response:
        from paygrant.sandbox._dpop import challenge

        return _with_challenge(status, challenge(code))

    def _challenge(self, status: int, error: str) -> Response:
        return _with_challenge(status, f'Bearer realm="{self.provider.name}"{error}')


def _with_challenge(status: int, challenge: str) -> Response:
    """A refusal by the API. Only a 401 has a challenge (RFC 9110 section 11.6.1)."""
    headers = {"WWW-Authenticate": challenge} if status == HTTPStatus.UNAUTHORIZED else None
    return Response(status_code=status, headers=headers)


def log(scope: Scope, path: str, status: int, faults: tuple[str, ...], reason: str = "") -> None:
    """Log a request in one line. Query, headers and body are left out: they carry secrets."""
    applied = f" ({', '.join(faults)})" if faults else ""
    why = f": {reason}" if reason else ""
    logger.info("%s %s %s%s%s", shown_method(scope["method"]), path, status or "no response", applied, why)


def as_json(
    document: Any,
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
    media_type: str = JSON,
) -> Response:
    """A JSON response in ASCII: a request can contain half of a surrogate pair, which UTF-8 cannot encode."""
    return Response(json.dumps(document), status, headers, media_type)


def _as_response(response: EndpointResponse) -> Response:
    """The response of a token endpoint, which nobody may keep."""
    if response.media_type is None:
        return Response(status_code=response.status, headers=NOT_KEPT)
    if response.media_type == TEXT:
        return PlainTextResponse(str(response.document), response.status, NOT_KEPT)
    return as_json(response.document, response.status, NOT_KEPT, response.media_type)
