{# Working-day arithmetic: two look-ups in int_working_day, since working_day_number counts the working days up to a day. #}

{# The working day that is n working days after a day, itself not counted; n = 0: the day, or the next working day where it
   is none (a term that ends on a day off ends on the next working day); n < 0: before it. #}
{% macro add_working_days(day, n) -%}
  (
    select ends.day
    from {{ ref("int_working_day") }} as starts
    inner join {{ ref("int_working_day") }} as ends
      on ends.working_day
        and ends.working_day_number = starts.working_day_number
        + case
          when starts.working_day or {{ n }} > 0 then {{ n }}
          else {{ n }} + 1
        end
    where starts.day = cast({{ day }} as date)
  )
{%- endmacro %}

{# Working days after the first day, up to and with the last: 0 on the same day, negative where the last comes first. #}
{% macro working_days_between(first, last) -%}
  (
    (select days.working_day_number from {{ ref("int_working_day") }} as days where days.day = cast({{ last }} as date))
    - (select days.working_day_number from {{ ref("int_working_day") }} as days where days.day = cast({{ first }} as date))
  )
{%- endmacro %}
