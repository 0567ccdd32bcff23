"""What gunicorn does when a process of the server is ready, for its --config."""

import gc
from typing import Any


def post_worker_init(worker: Any) -> None:
    """Leave what was loaded out of the search for garbage: each full one of 400,000 objects stopped all answers."""
    gc.collect()
    gc.freeze()
