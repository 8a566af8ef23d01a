"""Worker processes that share one token through Redis: one request for it, however many workers there are.

    python redis_workers.py

The environment gives the credentials (CRYPTOFUSE_CLIENT_ID and so on), API_URL and REDIS_URL.
"""

import os
import sys
from multiprocessing import Process

import httpx

from paygrant import Cryptofuse, RedisStore, TokenAuth, TokenSource

WORKERS = 4
JOBS = 5


def work(worker: int) -> None:
    """One process: a source and a client of its own, and everybody's token."""
    store = RedisStore(os.environ["REDIS_URL"])
    with (
        TokenSource(Cryptofuse.from_env(), store=store) as source,
        httpx.Client(base_url=os.environ["API_URL"], auth=TokenAuth(source)) as api,
    ):
        for job in range(JOBS):
            answer = api.get("/resource").raise_for_status()
            print(f"worker {worker}, job {job}: {answer.json()['provider']}", flush=True)
    store.close()


if __name__ == "__main__":
    workers = [Process(target=work, args=(worker,)) for worker in range(WORKERS)]
    for process in workers:
        process.start()
    for process in workers:
        process.join()
    sys.exit(any(process.exitcode for process in workers))
