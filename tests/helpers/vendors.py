"""Stand-ins for packages that the recipes use and that are not installed here.

Each has the calls that its vendor documents, with the documented names of the arguments, and nothing else. So the tests
show that a recipe makes these calls. They do not show how the real package behaves.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from types import ModuleType, SimpleNamespace
from typing import Any, Self

Function = Callable[..., Any]


def secret_managers(secret: str) -> dict[str, ModuleType]:
    """boto3, google-cloud-secret-manager, azure-identity, azure-keyvault-secrets and hvac, all with this secret."""

    class SecretsManager:
        def get_secret_value(self, *, SecretId: str) -> dict[str, str]:  # noqa: N803 - as boto3 names it
            return {"Name": SecretId, "SecretString": secret}

    class SecretManagerServiceClient:
        def access_secret_version(self, request: object = None, *, name: str) -> Any:
            assert request is None
            assert name.startswith("projects/")
            return SimpleNamespace(payload=SimpleNamespace(data=secret.encode()))

    class DefaultAzureCredential:
        pass

    class SecretClient:
        def __init__(self, vault_url: str, credential: DefaultAzureCredential) -> None:
            assert vault_url.startswith("https://")
            assert isinstance(credential, DefaultAzureCredential)

        def get_secret(self, name: str) -> Any:
            return SimpleNamespace(name=name, value=secret)

    class Client:
        def __init__(self, url: str, token: str) -> None:
            assert url
            assert token
            self.secrets = SimpleNamespace(kv=SimpleNamespace(v2=self))

        def read_secret_version(self, path: str, *, raise_on_deleted_version: bool) -> Any:
            assert path
            assert raise_on_deleted_version
            return {"data": {"data": {"client_secret": secret}, "metadata": {"version": 1}}}

    def client(service_name: str) -> SecretsManager:
        assert service_name == "secretsmanager"
        return SecretsManager()

    secretmanager = _module("google.cloud.secretmanager", SecretManagerServiceClient=SecretManagerServiceClient)
    return _modules(
        _module("boto3", client=client),
        _module("google.cloud", secretmanager=secretmanager),
        secretmanager,
        _module("azure"),
        _module("azure.identity", DefaultAzureCredential=DefaultAzureCredential),
        _module("azure.keyvault"),
        _module("azure.keyvault.secrets", SecretClient=SecretClient),
        _module("hvac", Client=Client),
    )


def celery() -> dict[str, ModuleType]:
    """Celery: an application whose tasks are called directly, and the signal that starts a worker process."""

    class Celery:
        def __init__(self, main: str, *, broker: str) -> None:
            assert main
            assert broker

        def task(
            self, *, autoretry_for: tuple[type[Exception], ...], retry_backoff: bool, max_retries: int
        ) -> Callable[[Function], Function]:
            assert retry_backoff
            assert max_retries

            def decorate(function: Function) -> Function:
                vars(function)["autoretry_for"] = autoretry_for
                return function

            return decorate

    class Signal:
        def __init__(self) -> None:
            self.receivers: list[Function] = []

        def connect(self, receiver: Function) -> Function:
            self.receivers.append(receiver)
            return receiver

        def send(self) -> None:
            for receiver in self.receivers:
                receiver(signal=self, sender=None)

    return _modules(_module("celery", Celery=Celery), _module("celery.signals", worker_process_init=Signal()))


def mcp() -> dict[str, ModuleType]:
    """The MCP SDK: a session that asks a server for its tools by one POST request."""

    class Session:
        def __init__(self, read_stream: Any, write_stream: Any) -> None:
            self._client, self._url = read_stream, write_stream

        async def __aenter__(self) -> Self:
            return self

        async def __aexit__(self, *_: object) -> None:
            pass

        async def initialize(self) -> None:
            (await self._client.post(self._url, json={"method": "initialize"})).raise_for_status()

        async def list_tools(self) -> Any:
            (await self._client.post(self._url, json={"method": "tools/list"})).raise_for_status()
            return SimpleNamespace(tools=[SimpleNamespace(name="pay")])

    @asynccontextmanager
    async def streamable_http_client(url: str, *, http_client: Any) -> AsyncGenerator[tuple[Any, Any]]:
        yield http_client, url

    return _modules(
        _module("mcp", ClientSession=Session),
        _module("mcp.client"),
        _module("mcp.client.streamable_http", streamable_http_client=streamable_http_client),
    )


def _module(name: str, **members: object) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(members)
    return module


def _modules(*modules: ModuleType) -> dict[str, ModuleType]:
    return {module.__name__: module for module in modules}
