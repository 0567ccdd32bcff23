"""`python -m orchestration`: the `kho` command."""

from orchestration.cli.main import main

if __name__ == "__main__":
    main()
