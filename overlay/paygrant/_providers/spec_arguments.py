"""The arguments that a spec gives a provider."""

import json
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

from paygrant._arguments import is_link_local
from paygrant._providers.key_file import CERTIFICATE_FILE, DPOP_KEY, KEY_ID, PRIVATE_KEY
from paygrant._providers.kind import SECRET, Argument, key_arguments, proof_arguments
from paygrant._spec.description import ASSERTION_METHODS, WITHOUT_SECRET, TokenEndpoint


def sends_client_id(description: TokenEndpoint) -> bool:
    """Whether a request carries the client's id, or a function may need it."""
    signing = {"client_secret_basic", "custom", *ASSERTION_METHODS}
    sent = any(each.client_id or each.method in signing for each in description.client_auth)
    return sent or "client_id" in description.token_use.headers.values()


def keywords_of(description: TokenEndpoint) -> Iterator[str]:
    """The keywords of the constructor. Some arguments name files in their place."""
    signs = any(each.method == "private_key_jwt" for each in description.client_auth)
    for each in arguments_of(description):
        if each.name == CERTIFICATE_FILE:
            yield "certificate"
        elif each.name not in {DPOP_KEY, KEY_ID, PRIVATE_KEY} or (signs and each.name == PRIVATE_KEY):
            yield each.name


def _credentials_of(description: TokenEndpoint, methods: tuple[str, ...]) -> Iterator[Argument]:
    """What the client authenticates with: its id, secret, key and certificate."""
    required = methods[0] != "none" and sends_client_id(description)
    yield Argument(name="client_id", required=required, about="The client's id.")
    if {*methods} - WITHOUT_SECRET:
        required = not {*methods} & WITHOUT_SECRET
        yield Argument(name=SECRET, required=required, secret=True, about="The client's secret.")
    for each in key_arguments():
        if each.name != KEY_ID or "private_key_jwt" in methods:
            yield replace(each, required=each.name == PRIVATE_KEY and {*methods} == {"private_key_jwt"})
    if ASSERTION_METHODS & {*methods}:
        about = "The audience of assertions, instead of what the spec says."
        yield Argument(name="assertion_audience", about=about)
    yield from proof_arguments(is_bound=description.token_use.dpop)


def arguments_of(description: TokenEndpoint) -> Iterator[Argument]:
    """The arguments that a spec gives a provider, credentials first."""
    servers: tuple[str, ...] = tuple(description.servers)
    methods: tuple[str, ...] = tuple(each.method for each in description.client_auth)
    if {*methods} != {"none"}:
        yield from _credentials_of(description, methods)
    if servers:
        about = "One of the environments that the spec names."
        only = servers[0] if len(servers) == 1 else None
        yield Argument(name="environment", choices=servers, default=only, required=only is None, about=about)
    about = "Replaces the environment's base URL." if servers else "The base URL. The documentation names none."
    yield Argument(name="base_url", required=not servers, about=about)
    if "client_secret_basic" in methods:
        about = "How HTTP Basic encodes id and secret: plain (RFC 7617), form (RFC 6749 section 2.3.1), or auto."
        encoding = next(each.encoding for each in description.client_auth if each.method == "client_secret_basic")
        yield Argument(name="basic_encoding", choices=("auto", "plain", "form"), default=encoding, about=about)
    if len(methods) > 1:
        about = "How the client authenticates."
        yield Argument(name="auth_method", choices=methods, default=methods[0], about=about)
    hosts = [urlsplit(each.url).hostname or "" for each in description.servers.values()]
    if "none" in methods or any(map(is_link_local, hosts)):
        about = "Allows a link-local address, such as that of a metadata service."
        yield Argument(name="allow_link_local", kind="boolean", about=about)
    if "custom" in methods:
        yield Argument(name="authenticate", kind="object", about="A function that completes the request.")
    for each in description.arguments:
        yield Argument(
            name=str(each.argument),
            kind=each.kind,
            choices=each.choices,
            default=each.default if isinstance(each.default, str | None) else json.dumps(each.default),
            required=each.required and each.default is None,
            secret=each.secret,
            about=each.about,
        )
