-- Dossiers late where staff are short: tells too few people from enough people who are slow. Short of staff is who has more to
-- do than the peers and posts that are empty: how much an officer can handle differs by the kind of commune, and empty posts
-- where little comes in keep nobody waiting.
with figures as (
  {{ side_by_side(["one_stop_on_time_ratio", "dossiers_per_officer", "posts_filled_ratio", "officers_trained_ratio"]) }}
),

usual as (
  select peer_group, period_start, {{ median_of("dossiers_per_officer") }} as peers_load
  from figures
  group by peer_group, period_start
),

rules as (
  {{ rule_values("late_capacity", ["on_time_low", "load_high", "posts_low", "trained_low"]) }}
),

flagged as (
  select
    figures.*,
    usual.peers_load,
    rules.on_time_low,
    figures.one_stop_on_time_ratio < rules.on_time_low as late,
    -- one sign that is known to be absent is enough to say that there are people enough
    100.0 * figures.dossiers_per_officer > rules.load_high * usual.peers_load
    and figures.posts_filled_ratio < rules.posts_low as short_of_staff,
    figures.officers_trained_ratio < rules.trained_low as untrained
  from figures
  cross join rules
  left join usual
    on figures.peer_group = usual.peer_group and figures.period_start = usual.period_start
),

judged as (
  select
    *,
    case
      when late is null or short_of_staff is null then 'unknown'
      when late and short_of_staff then 'late_short'
      when short_of_staff then 'short_on_time'
      when not late then 'on_time'
      when untrained is null then 'unknown'
      when untrained then 'late_untrained'
      else 'late_enough'
    end as class_code
  from flagged
)

select
  judged.unit_code,
  judged.unit_name,
  judged.peer_group,
  judged.period_start,
  coalesce(judged.period_start = {{ newest_judged("judged") }}, false) as latest,
  judged.one_stop_on_time_ratio as on_time_ratio_pct,
  judged.dossiers_per_officer,
  judged.posts_filled_ratio as posts_filled_pct,
  judged.officers_trained_ratio as officers_trained_pct,
  judged.class_code,
  classes.class_vi,
  cast(classes.class_order as integer) as class_order,
  case
    when judged.class_code <> 'unknown'
      then 'Đúng hạn ' || {{ vietnamese_number("judged.one_stop_on_time_ratio") }} || ' % (mức thấp: dưới '
        || {{ vietnamese_number("judged.on_time_low", 0) }} || ' %); '
        || coalesce({{ vietnamese_number("judged.dossiers_per_officer", 0) }}, 'chưa rõ số')
        || ' hồ sơ một công chức một tháng (nhóm tương đồng: '
        || coalesce({{ vietnamese_number("judged.peers_load", 0) }}, 'chưa rõ') || '); biên chế có mặt '
        || coalesce({{ vietnamese_number("judged.posts_filled_ratio") }} || ' %', 'chưa rõ') || '; đã tập huấn kỹ năng số '
        || coalesce({{ vietnamese_number("judged.officers_trained_ratio") }} || ' %', 'chưa rõ')
  end as evidence_vi,
  judged.unit_name || ': ' || classes.decision_vi as decision_vi,
  {{ missing_words({
    "one_stop_on_time_ratio": "Tỷ lệ đúng hạn",
    "dossiers_per_officer": "Hồ sơ trên một công chức",
    "posts_filled_ratio": "Biên chế có mặt",
    "officers_trained_ratio": "Tập huấn kỹ năng số",
  }) }} as missing_vi
from judged
inner join {{ ref("combined_classes") }} as classes
  on classes.question = 'late_capacity' and judged.class_code = classes.class_code
