"""`kho backtest`: how good each candidate model was."""

import click

from lake.contract import load_contracts
from lake.settings import SettingsError, load_settings
from orchestration.cli.output import show


@click.command("backtest")
@click.option("--series", metavar="NAME", help="one disease, such as dengue")
@click.option("--json", "as_json", is_flag=True)
def command(series: str | None, as_json: bool) -> None:
    """Scores of every candidate beside the baselines, as the last nightly refresh found them."""
    import polars as pl

    from lake.current import read_current
    from models_ml.backtests import score_table

    settings = load_settings()
    scores = read_current(settings, load_contracts(settings.contracts)["models.backtests"])
    if scores.is_empty():
        raise SettingsError("there is no backtest yet: run `kho refresh --nightly`")
    known = sorted(scores["disease_code"].unique())
    if series is not None:
        if series not in known:
            raise SettingsError(f"no series {series!r}; there are {', '.join(known)}")
        scores = scores.filter(pl.col("disease_code") == series)
    show(score_table(scores).with_columns(pl.selectors.float().round(3)).to_dicts(), as_json)
