"""What was published does not change all at once without anybody having decided so."""

from quality.audits.check import Check, rows

BEFORE = "before"  # the published file of leaders, attached beside the candidate's
FEWEST = 500  # figures of an indicator from which a share says something: four months of all communes of a province
MOST_PCT = 80  # a list that comes once a year changes twelve months; who corrects nearly all that there is says so

# months that were over when they were published; another code or registry gives other figures by right
MASS_CHANGE: Check = rows(
    "change.mass_change",
    "leaders.mart_indicator",
    f"Quá {MOST_PCT} % số liệu các tháng đã khép của chỉ tiêu đổi so với bản đang công bố mà công thức không đổi; "
    "nếu đúng là phải đổi, chạy kho refresh --full",
    f"""select
      earlier.base_code,
      count(*) as figures,
      count(*) filter (where differs) as changed,
      any_value(earlier.published) filter (where differs) as example_before,
      any_value(earlier.told) filter (where differs) as example_now
    from (
      select
        published.base_code,
        published.value as published,
        told.value as told,
        coalesce(abs(told.value - published.value) > 1e-6, (told.value is null) <> (published.value is null)) as differs
      from {BEFORE}.main.mart_indicator as published
      left join leaders.main.mart_indicator as told
        on published.indicator_code = told.indicator_code
          and published.unit_code = told.unit_code
          and published.period_start = told.period_start
      where published.complete
    ) as earlier
    where (select any_value(code_version) from {BEFORE}.main.snapshot_info)
      = (select any_value(code_version) from leaders.main.snapshot_info)
    group by earlier.base_code
    having count(*) >= {FEWEST} and 100 * count(*) filter (where differs) > {MOST_PCT} * count(*)""",
)
