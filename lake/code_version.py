"""Which code made a load or a snapshot."""

import hashlib
import subprocess
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


@cache
def code_version() -> str:
    """The commit checked out; without git, a fingerprint of the Python and SQL files."""
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
        return answer.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        files = code_fingerprint("lake/**/*.py", "dbt_project/**/*.sql", "models_ml/*.py", "quality/**/*.py")
        return f"files-{files[:12]}"


@cache
def code_fingerprint(*patterns: str) -> str:
    """SHA-256 of the files of this repository that match, in hex: it changes when one of them does."""
    digest = hashlib.sha256()
    for pattern in patterns:
        for path in sorted(REPOSITORY.glob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()
