"""`python -m simulator`: the stand-in upstream systems in the foreground, until Ctrl-C."""

import argparse
import asyncio
import sys
from datetime import datetime
from pathlib import Path

from simulator.process import Options, serve


def main(argv: list[str] | None = None) -> int:
    """Run the systems; returns 0 after a clean end, 2 for options that make no sense."""
    parser = argparse.ArgumentParser(prog="kho simulate", description="The stand-in source systems of Lâm Đồng")
    parser.add_argument("--home", type=Path, required=True, help="folder of their data")
    parser.add_argument("--port", type=int, default=0, help="of the gateway (any free one unless given)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--months", type=int, default=24, help="months of data up to now")
    parser.add_argument("--scale", type=float, default=1.0, help="number of rows against the ordinary one")
    parser.add_argument("--communes", type=_communes, help="how many communes, or their codes separated by commas")
    parser.add_argument("--now", type=datetime.fromisoformat, help="their time, for example 2026-11-23T08:00:00+07:00")
    parser.add_argument("--frozen", action="store_true", help="their clock stands still")
    parser.add_argument(
        "--write-env", type=Path, metavar="FILE", help="write the sources' addresses into it, for example var/kho.env"
    )
    parser.add_argument("--with-parent", action="store_true", help=argparse.SUPPRESS)
    chosen = vars(parser.parse_args(argv))
    with_parent = chosen.pop("with_parent")
    try:
        asyncio.run(serve(Options(**chosen), with_parent, lambda text: print(text, flush=True)))
    except ValueError as error:
        print(f"kho simulate: {error}", file=sys.stderr)
        return 2
    return 0


def _communes(text: str) -> int | list[str]:
    return int(text) if text.isdigit() and len(text) < 5 else text.split(",")


if __name__ == "__main__":
    sys.exit(main())
