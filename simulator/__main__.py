"""`python -m simulator`: the stand-in upstream systems in the foreground, until Ctrl-C."""

import argparse
import asyncio
import sys
from datetime import datetime
from pathlib import Path

from simulator.process import Options, serve


def main(argv: list[str] | None = None) -> int:
    """Run the systems; returns 0 after a clean end, 2 for options that make no sense."""
    parser = argparse.ArgumentParser(prog="kho simulate", description="Hệ thống nguồn mô phỏng của tỉnh Lâm Đồng")
    parser.add_argument("--home", type=Path, required=True, help="thư mục dữ liệu của bộ mô phỏng")
    parser.add_argument("--port", type=int, default=0, help="cổng của trục chia sẻ dữ liệu (mặc định: cổng trống)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--months", type=int, default=24, help="số tháng dữ liệu tính đến hiện tại")
    parser.add_argument("--scale", type=float, default=1.0, help="tỷ lệ so với số bản ghi thông thường")
    parser.add_argument("--communes", type=_communes, help="số xã, hoặc các mã xã cách nhau bằng dấu phẩy")
    parser.add_argument(
        "--now", type=datetime.fromisoformat, help="thời điểm mô phỏng, ví dụ 2026-11-23T08:00:00+07:00"
    )
    parser.add_argument("--frozen", action="store_true", help="đồng hồ đứng yên")
    parser.add_argument(
        "--write-env", type=Path, metavar="FILE", help="ghi địa chỉ các nguồn vào tệp, ví dụ var/kho.env"
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
