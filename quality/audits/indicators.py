"""Figures keep to their registry and their bounds."""

from itertools import pairwise

from quality.audits.check import Check, at_least, between, rows
from quality.audits.disclosure import IN_FORCE, REGISTRY

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
        f"""select figures.indicator_code, unit_code, period_start, value, figures.numerator, figures.denominator
        from leaders.main.mart_indicator as figures inner join {REGISTRY} on {IN_FORCE}
        where registry.method = 'ratio'
          and abs(value - registry.factor * figures.numerator / figures.denominator)
            > 1e-6 * greatest(1, abs(value))""",
    ),
    rows(
        "indicators.score_bounds",
        "leaders.mart_indicator",
        "Điểm nằm ngoài thang điểm của chỉ tiêu",
        f"""select figures.indicator_code, unit_code, period_start, value, points
        from leaders.main.mart_indicator as figures inner join {REGISTRY} on {IN_FORCE}
        where points is not null and (value < -1e-9 or value > points + 1e-9)""",
    ),
    rows(
        "indicators.sum_is_its_parts",
        "leaders.mart_indicator",
        "Điểm tổng khác tổng quy đổi các điểm thành phần công bố cùng kỳ",
        f"""select total.base_code, total.unit_code, total.period_start, total.value, parts.share
        from leaders.main.mart_indicator as total
        inner join leaders.main.dim_indicator as sums on total.base_code = sums.indicator_code
        inner join (
          select registry.parent, figures.unit_code, figures.period_start,
            sum(figures.value) / sum(registry.points) filter (where figures.value is not null) as share
          from leaders.main.mart_indicator as figures inner join {REGISTRY} on {IN_FORCE}
          where registry.parent is not null group by all
        ) as parts on total.base_code = parts.parent and total.unit_code = parts.unit_code
          and total.period_start = parts.period_start
        where sums.method = 'sum' and abs(total.value - sums.points * parts.share) > 1e-6""",
    ),
    rows(
        "registry.indicator_in_force",
        "leaders.mart_indicator",
        "Số liệu của chỉ tiêu không có trong danh mục hoặc ngoài thời gian hiệu lực",
        f"""select indicator_code, unit_code, period_start from leaders.main.mart_indicator as figures
        where not exists (select 1 from {REGISTRY} where {IN_FORCE})""",
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
