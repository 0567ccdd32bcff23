"""The Great Expectations suite of a dataset, derived from its contract, that judges loads as a whole.

The door has judged every row; here a load is one row of its profile, so that one validation judges
a range of loads at once.
"""

from typing import Any

import polars as pl

from lake.contract import Contract
from lake.loads import Verdict
from quality.context import gx, in_memory_context


def load_suite(contract: Contract) -> list[tuple[Any, str]]:
    """Expectations on the profile of loads, each with its Vietnamese reason, filled from the load's profile."""
    rules, between = contract.load, gx().expectations.ExpectColumnValuesToBeBetween
    low, high = rules.volume
    suite = [
        (
            between(column="volume_ratio", min_value=low, max_value=high),
            "Số bản ghi ({received}) bất thường so với mức thường gặp ({usual_received:.0f}); "
            f"chấp nhận từ {low:g} đến {high:g} lần",
        ),
        (
            between(column="quarantined_share", max_value=rules.max_quarantined_share),
            "Tỷ lệ bản ghi bị từ chối {quarantined_share:.1%} ({quarantined}/{received}) vượt giới hạn "
            f"{rules.max_quarantined_share:.0%}",
        ),
    ]
    if not rules.may_be_empty:
        suite.append((between(column="received", min_value=1), "Không có bản ghi nào trong khi nguồn luôn phải có"))
    if rules.coverage is not None and contract.unit_column:
        suite.append(
            (
                between(column="coverage", min_value=rules.coverage),
                "Chỉ {units_reporting} đơn vị gửi số liệu, thường có {usual_units:.0f}; "
                f"cần ít nhất {rules.coverage:.0%}",
            )
        )
    for name, (least, most) in rules.means.items():
        suite.append(
            (
                between(column=f"mean_{name}", min_value=least, max_value=most),
                f"Trung bình của {name} là {{mean_{name}:.2f}}, ngoài khoảng {least:g}–{most:g}",
            )
        )
    return suite


def judge(contract: Contract, profiles: pl.DataFrame) -> list[Verdict]:
    """A verdict for each load, in the order of the profile's rows.

    Raises RuntimeError if the suite cannot be run on these profiles.
    """
    suite = load_suite(contract)
    for number, (expectation, _) in enumerate(suite):
        expectation.meta = {"number": number}
    batch = (
        in_memory_context()
        .data_sources.add_pandas("loads")
        .add_dataframe_asset("profiles")
        .add_batch_definition_whole_dataframe("all")
        .get_batch({"dataframe": profiles.to_pandas()})
    )
    expectations = gx().ExpectationSuite(name=contract.dataset, expectations=[expectation for expectation, _ in suite])
    rows = profiles.to_dicts()
    reasons: list[list[str]] = [[] for _ in rows]
    outcomes = batch.validate(expectations, result_format="COMPLETE").results
    for outcome in sorted(outcomes, key=lambda outcome: outcome.expectation_config.meta["number"]):
        if outcome.exception_info.get("raised_exception", True):
            raise RuntimeError(f"{contract.dataset}: the suite of its loads cannot be run: {outcome.exception_info}")
        sentence = suite[outcome.expectation_config.meta["number"]][1]
        for number in outcome.result.get("unexpected_index_list") or []:
            reasons[number].append(sentence.format(**rows[number]))
    return [
        Verdict(row["load_id"], "rejected" if found else "accepted", found)
        for row, found in zip(rows, reasons, strict=True)
    ]
