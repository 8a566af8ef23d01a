"""Runs the real authorization server on loopback until it is terminated: `python -m tests.peers.django_oauth`.

Reads its clients from stdin, as a JSON list of `{"client_id": ..., "client_secret": ...}`, and says on stdout where it
listens as soon as it does. The database's path comes from the environment.
"""
# Django has no types.
# mypy: ignore-errors
# pyright: basic, reportArgumentType=false

import json
import os
import sys

import django
from django.core.management import call_command
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.peers.django_oauth.settings"
    django.setup()
    call_command("migrate", verbosity=0)
    for client in json.load(sys.stdin):
        call_command("createapplication", "confidential", "client-credentials", verbosity=0, **client)
    with ThreadedWSGIServer(("127.0.0.1", 0), WSGIRequestHandler) as server:
        server.set_app(get_wsgi_application())
        print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)  # noqa: T201 - how the tests learn the port
        server.serve_forever()


if __name__ == "__main__":
    main()
