"""The child process that holds the local model; run by its path, it imports nothing of ours.

Contract: it reads one line of JSON from stdin (`path` of the model, API `key`, `seed` or null) and writes one to
stdout, `{"address": "http://127.0.0.1:PORT"}` once the model is loaded, or `{"error": "..."}`. Then it serves the
Messages API until stdin closes, which also happens when its parent is killed.

Why a process: `xllamacpp.Server` holds Python's global lock while it reads the model, so that in the person's own
process nothing could be typed, shown or interrupted meanwhile; and its log would go to the person's terminal.
"""

import json
import os
import signal
import sys
from typing import Any


def main() -> None:
    """Keep the contract above."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which may want the model again
    report = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the report's channel is not for llama.cpp's own prints
    try:
        server = _serve(**json.loads(sys.stdin.readline()))
    except Exception as error:
        print(json.dumps({"error": f"{error}"}), file=report, flush=True)
        return
    print(json.dumps({"address": server.listening_address}), file=report, flush=True)
    sys.stdin.read()
    os._exit(0)  # nothing here is worth an orderly end


def _serve(path: str, key: str, seed: int | None) -> Any:
    from xllamacpp import CommonParams, Server

    params = CommonParams()
    params.model.path = path
    params.api_keys = [key]
    if seed is not None:
        params.sampling.seed = seed  # the Messages API hands none on, so it is the server's
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = os.cpu_count() or 2
    params.n_ctx, params.n_parallel = 8192, 1  # tokens of prompt and reply together, one prompt at a time
    params.cache_ram_mib = 512  # prefixes of other agents; the default is 8 GB
    params.endpoint_slots = params.endpoint_metrics = params.endpoint_props = params.ui = False
    params.warmup = False  # reading the stable prefix does that
    params.verbosity = 1  # errors only
    return Server(params)


if __name__ == "__main__":
    main()
