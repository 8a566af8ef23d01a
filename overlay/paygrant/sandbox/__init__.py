"""A local stand-in for the token endpoints, driven by their specs.

    with Sandbox() as sandbox:
        sandbox.base_url("ripple"), sandbox.client_id, sandbox.client_secret

For each provider it serves the token endpoint as the spec documents it, and one protected resource, ``/resource``.
It listens on loopback only. Needs the extra: ``pip install "paygrant[sandbox]"``.
"""

try:
    from paygrant.sandbox._endpoint import Client
    from paygrant.sandbox._server import Sandbox
except ModuleNotFoundError as missing:
    raise ImportError(
        f'paygrant.sandbox needs {missing.name}; to get it: pip install "paygrant[sandbox]"', name=missing.name
    ) from missing

__all__ = ["Client", "Sandbox"]
