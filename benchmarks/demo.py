"""Time and memory of `make demo` in a fresh clone: with the installs, and again without them.

Run: python -m benchmarks.demo
"""

import subprocess
import tempfile
from pathlib import Path

from benchmarks.measure import run

REPOSITORY = Path(__file__).parents[1]


def main() -> None:
    """Clone this checkout's HEAD, run the demo twice on an empty KHO_HOME and print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "kho-tinh"
        subprocess.run(["git", "clone", "--quiet", str(REPOSITORY), str(clone)], check=True)
        for label in ("with installs", "without installs"):
            code, seconds, peak = run(
                ["make", "demo"], cwd=clone, env={"KHO_HOME": f"{folder}/{label.replace(' ', '-')}"}
            )
            print(f"make demo, {label}: exit {code}, {seconds:.0f} s, peak memory {peak / 2**30:.2f} GiB", flush=True)


if __name__ == "__main__":
    main()
