"""Stand-ins for packages that the recipes use and that are not installed here.

Each has the calls that its vendor documents, with the documented names of the arguments, and nothing else. So the tests
show that a recipe makes these calls. They do not show how the real package behaves.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from types import ModuleType, SimpleNamespace
from typing import Any, Self

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

Function = Callable[..., Any]


def _der(key: ec.EllipticCurvePrivateKey, data: bytes, *, is_digest: bool = False) -> bytes:
    return key.sign(data, ec.ECDSA(utils.Prehashed(hashes.SHA256()) if is_digest else hashes.SHA256()))


def _plain(key: ec.EllipticCurvePrivateKey, digest: bytes) -> bytes:
    """R and S of 32 bytes each."""
    return b"".join(part.to_bytes(32, "big") for part in utils.decode_dss_signature(_der(key, digest, is_digest=True)))


def key_services(key: ec.EllipticCurvePrivateKey) -> dict[str, ModuleType]:
    """google-cloud-kms, azure-keyvault-keys and python-pkcs11, all with this key."""

    class KeyManagementServiceClient:
        def asymmetric_sign(self, request: dict[str, Any]) -> Any:
            assert request["name"].startswith("projects/")
            return SimpleNamespace(signature=_der(key, request["digest"]["sha256"], is_digest=True))

    class CryptographyClient:
        def __init__(self, key: str, credential: object) -> None:
            assert key.startswith("https://")
            assert credential

        def sign(self, algorithm: str, digest: bytes) -> Any:
            assert algorithm == "ES256"
            return SimpleNamespace(signature=_plain(key, digest))

    class Key:
        def sign(self, data: bytes, *, mechanism: str) -> bytes:
            assert mechanism == "ECDSA"
            return _plain(key, data)

    class Session:
        def get_key(self, *, object_class: str, label: str) -> Key:
            assert object_class == "PRIVATE_KEY"
            assert label
            return Key()

    class Device:
        def open(self, *, user_pin: str) -> Session:
            assert user_pin
            return Session()

    class Library:
        def get_token(self, *, token_label: str) -> Device:
            assert token_label
            return Device()

    def lib(path: str) -> Library:
        assert path
        return Library()

    kms = _module("google.cloud.kms", KeyManagementServiceClient=KeyManagementServiceClient)
    algorithm = SimpleNamespace(es256="ES256")
    crypto = _module("azure.keyvault.keys.crypto", CryptographyClient=CryptographyClient, SignatureAlgorithm=algorithm)
    kinds = {"ObjectClass": SimpleNamespace(PRIVATE_KEY="PRIVATE_KEY"), "Mechanism": SimpleNamespace(ECDSA="ECDSA")}
    return _modules(kms, _module("azure.keyvault.keys"), crypto, _module("pkcs11", lib=lib, **kinds))


def secret_managers(secret: str, key: ec.EllipticCurvePrivateKey) -> dict[str, ModuleType]:
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

    class KMS:
        def sign(
            self,
            *,
            KeyId: str,  # noqa: N803 - as boto3 names it
            Message: bytes,  # noqa: N803 - as boto3 names it
            MessageType: str,  # noqa: N803 - as boto3 names it
            SigningAlgorithm: str,  # noqa: N803 - as boto3 names it
        ) -> dict[str, Any]:
            assert (MessageType, SigningAlgorithm) == ("RAW", "ECDSA_SHA_256")
            return {"KeyId": KeyId, "Signature": _der(key, Message)}

    def client(service_name: str) -> SecretsManager | KMS:
        return SecretsManager() if service_name == "secretsmanager" else KMS()

    secretmanager = _module("google.cloud.secretmanager", SecretManagerServiceClient=SecretManagerServiceClient)
    return _modules(
        _module("boto3", client=client),
        _module("google.cloud", secretmanager=secretmanager, kms=key_services(key)["google.cloud.kms"]),
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
