"""The static check of the dashboards finds nothing in ours, and names what is wrong in a spoilt one."""

from superset_assets.bundle import Assets
from superset_assets.static_check import check


def test_our_dashboards_ask_for_columns_that_dbt_promises(assets: Assets) -> None:
    assert check(assets) == []


def test_a_column_that_is_not_there_is_named(assets: Assets) -> None:
    dataset = assets.datasets["one_stop_ranking"]
    assert "now.denominator" in dataset["sql"]
    dataset["sql"] = dataset["sql"].replace("now.denominator", "now.no_such_column")
    assert any("one_stop_ranking" in problem and "no_such_column" in problem for problem in check(assets))


def test_a_name_with_a_comma_that_yaml_tore_apart_is_named(assets: Assets) -> None:
    column = assets.datasets["one_stop_ranking"]["columns"][0]
    column["verbose_name"], column["chưa thấy tác động"] = "Xong", None
    (problem,) = [one for one in check(assets) if "one_stop_ranking" in one]
    assert "'chưa thấy tác động'" in problem and "comma" in problem


def test_a_metric_called_like_an_indicator_names_it(assets: Assets) -> None:
    metric = {"metric_name": "x", "verbose_name": "Tỷ lệ hồ sơ giải quyết đúng hạn", "expression": "max(denominator)"}
    assets.datasets["one_stop_ranking"]["metrics"] = [metric]
    assert any("does not name it" in problem for problem in check(assets))
    metric["indicator"] = "no_such_indicator"
    assert any("no_such_indicator" in problem for problem in check(assets))
    metric["indicator"] = "one_stop_on_time_ratio"
    assert check(assets) == []


def test_a_link_to_a_page_or_filter_that_is_not_there_is_named(assets: Assets) -> None:
    del assets.dashboards["commune"]
    assert any("'xa-toi', which is not there" in problem for problem in check(assets))
    assets.dashboards["indicator"]["filters"] = []
    assert any("'chi-tieu' has no filter" in problem for problem in check(assets))


def test_a_chart_says_in_vietnamese_how_to_read_it(assets: Assets) -> None:
    assets.charts["alerts"]["description"] = "Worst first."
    assert check(assets) == ["charts/alerts.yaml: says nowhere in Vietnamese how to read the chart"]
