"""Worker processes that share one token through Redis. Any number of workers makes one token request.

    python redis_workers.py

The environment holds the credentials (CRYPTOFUSE_CLIENT_ID and so on), API_URL and REDIS_URL.
"""

import os
import sys
from multiprocessing import Process

import httpx

from paygrant import Cryptofuse, RedisStore, TokenAuth, TokenSource

WORKERS = 4
JOBS = 5


def work(worker: int) -> None:
    """Work in one process. It has its own source and client, and the shared token."""
    store = RedisStore(os.environ["REDIS_URL"])
    with (
        TokenSource(Cryptofuse.from_env(), store=store) as source,
        httpx.Client(base_url=os.environ["API_URL"], auth=TokenAuth(source)) as api,
    ):
        for job in range(JOBS):
            response = api.get("/resource").raise_for_status()
            print(f"worker {worker}, job {job}: {response.json()['provider']}", flush=True)
    store.close()


if __name__ == "__main__":
    workers = [Process(target=work, args=(worker,)) for worker in range(WORKERS)]
    for process in workers:
        process.start()
    for process in workers:
        process.join()
    sys.exit(any(process.exitcode for process in workers))
