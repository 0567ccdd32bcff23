"""Figures keep to their registry and their bounds."""

from itertools import pairwise

from quality.audits.check import Check, at_least, between, rows

QUANTILES = ["q05", "q25", "q50", "q75", "q95"]

INDICATORS: list[Check] = [
    between(
        "indicators.ratio_bounds",
        "leaders.mart_one_stop_month",
        "on_time_ratio_pct",
        0,
        100,
        "Tỷ lệ đúng hạn nằm ngoài khoảng 0–100 %",
    ),
    at_least(
        "indicators.part_of_whole",
        "leaders.mart_one_stop_month",
        "denominator",
        "numerator",
        "Số hồ sơ đúng hạn lớn hơn số hồ sơ phải xử lý",
    ),
    between(
        "indicators.no_negative_cases",
        "health.mart_disease_unit_month",
        "cases",
        0,
        None,
        "Số ca âm",
    ),
    between("indicators.no_negative_forecast", "leaders.mart_disease_forecast", "q05", 0, None, "Dự báo số ca âm"),
    *(
        at_least(
            "indicators.forecast_quantiles",
            "leaders.mart_disease_forecast",
            upper,
            lower,
            f"Phân vị dự báo {upper} nhỏ hơn {lower}",
        )
        for lower, upper in pairwise(QUANTILES)
    ),
    between("indicators.probability", "leaders.mart_alert", "probability", 0, 1, "Xác suất nằm ngoài khoảng 0–1"),
    rows(
        "indicators.ratio_is_its_parts",
        "leaders.mart_indicator",
        "Tỷ lệ công bố khác thương số của tử số và mẫu số công bố cùng dòng",
        """select indicator_code, unit_code, period_start, value, numerator, denominator
        from leaders.main.mart_indicator
        where base_code = 'one_stop_on_time_ratio' and abs(value - 100.0 * numerator / denominator) > 1e-6""",
    ),
    rows(
        "indicators.score_bounds",
        "leaders.mart_indicator",
        "Điểm nằm ngoài thang điểm của chỉ tiêu",
        """select figures.indicator_code, unit_code, period_start, value, points
        from leaders.main.mart_indicator as figures
        inner join leaders.main.dim_indicator as registry on figures.base_code = registry.indicator_code
        where value not between 0 and points""",
    ),
    rows(
        "registry.indicator_in_force",
        "leaders.mart_indicator",
        "Số liệu của chỉ tiêu không có trong danh mục hoặc ngoài thời gian hiệu lực",
        """select indicator_code, unit_code, period_start from leaders.main.mart_indicator as figures
        where not exists (
          select 1 from leaders.main.dim_indicator as registry
          where registry.indicator_code = figures.base_code and figures.period_start >= registry.effective_from
            and (registry.effective_to is null or figures.period_start < registry.effective_to))""",
    ),
    rows(
        "registry.unit_known",
        "leaders.mart_indicator",
        "Số liệu của đơn vị không có trong danh mục đơn vị hành chính",
        """select indicator_code, unit_code, period_start from leaders.main.mart_indicator
        where unit_code not in (select unit_code from leaders.main.dim_unit)""",
    ),
    rows(
        "registry.value_or_reason",
        "leaders.mart_indicator",
        "Chỉ tiêu vừa có số vừa có lý do không công bố, hoặc thiếu cả hai",
        """select indicator_code, unit_code, period_start, value, withheld_reason from leaders.main.mart_indicator
        where (value is null) = (withheld_reason is null)""",
    ),
]
