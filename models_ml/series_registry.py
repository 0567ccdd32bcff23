"""The registry of series that are forecast: one YAML file, checked so that a mistake is told by file and line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from lake.yaml_places import Document, YamlError, read_yaml

SETTING = "KHO_SERIES"
NAME = r"^[a-z][a-z0-9_]*$"
SIMPLE = ("climatology", "seasonal_naive")  # the rules that a model must beat
GENERAL: Literal["models.series_forecasts"] = "models.series_forecasts"
ONE_ROW = ("models.forecasts", "models.outlooks")  # what each of them tells is one series
Level = Literal["commune", "cluster", "province", "country"]  # each a sum of the one before it
SMALL = frozenset[Level]({"commune", "cluster"})  # where a count may point at somebody
Monthly = Literal[
    "climatology", "seasonal_naive", "poisson_gamma", "anomaly_regression", "auto_ets", "auto_arima", "auto_theta",
    "prophet", "prophet_holidays", "gradient_boosting",
]  # fmt: skip
Weekly = Literal["climatology", "seasonal_naive", "level", "regression"]
Daily = Literal["climatology", "seasonal_naive", "mstl"]
Weather = Literal["rainfall_mm_per_day", "mean_temperature_c"]


class SeriesError(ValueError):
    """The registry cannot be used; the message names file, line and what was expected."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Model):
    """Where the past is: a table of the warehouse and its columns.

    item: what is told apart, such as the disease; without it there is one series a unit. value: summed; without it rows
    are counted, and a period without any row is a zero. where: values that a row must have, by column. level: whose
    codes `unit` holds, by default the lowest one told; higher ones are its sums.
    """

    table: str = Field(pattern=NAME)
    unit: str = Field(pattern=NAME)
    period: str = Field(pattern=NAME)
    item: str | None = Field(default=None, pattern=NAME)
    value: str | None = Field(default=None, pattern=NAME)
    where: dict[Annotated[str, Field(pattern=NAME)], str] = {}
    level: Level | None = None


class Series(_Model):
    """What is forecast, for whom and by which candidates; docs/forecasting.md tells the fields by example.

    hierarchy: the levels told, the lowest first; the values of a higher one are sums of the lower one's. A cluster is a
    former district's communes, the country all provinces that the source has, if more than one. counts: what is
    counted, which decides who may see it. settles_after_days: how long after its end a period is still reported.
    """

    code: str = Field(pattern=NAME)
    title: str = Field(min_length=1)  # Vietnamese
    measured_in: str = Field(min_length=1)  # Vietnamese
    source: Source
    hierarchy: list[Level] = Field(min_length=1)
    counts: Literal["persons", "incidents", "other"]
    audience: list[Literal["leaders", "health", "security"]] = Field(min_length=1)
    settles_after_days: int = Field(default=0, ge=0, le=366)
    item_names: dict[str, str] = {}  # Vietnamese, of items that no register names
    told_by: Literal["models.series_forecasts", "models.forecasts", "models.outlooks"] = GENERAL

    @property
    def lowest(self) -> Level:
        """The level of the source's rows."""
        return self.source.level or self.hierarchy[0]

    @model_validator(mode="after")
    def _fits_together(self) -> "Series":
        levels = list(get_args(Level))
        if self.hierarchy != sorted(set(self.hierarchy), key=levels.index):
            raise ValueError(f"hierarchy: is some of {', '.join(levels)}, in this order")
        if self.told_by != GENERAL and {"cluster", "country"} & set(self.hierarchy):
            raise ValueError(f"hierarchy: {self.told_by} tells no cluster and no country")
        if levels.index(self.lowest) > levels.index(self.hierarchy[0]):
            raise ValueError(f"source: of level {self.lowest} tells nothing of each {self.hierarchy[0]}")
        if self.told_by == GENERAL and self.counts != "other" and SMALL & set(self.hierarchy):
            exact = "health" if self.counts == "persons" else "security"
            if self.audience != [exact]:
                raise ValueError(f"audience: communes' counts of {self.counts} are small and told to [{exact}] alone")
        return self


def _both_rules(candidates: list[Any]) -> list[Any]:
    if lacking := [rule for rule in SIMPLE if rule not in candidates]:
        raise ValueError(f"lack {', '.join(lacking)}: the simple rules that a model must beat")
    return candidates


BOTH_RULES = AfterValidator(_both_rules)


class DaySeries(Series):
    frequency: Literal["day"]
    transformation: Literal["none"]
    covariates: list[Weather] = Field(default=[], max_length=0)
    horizon: int = Field(ge=1, le=14)
    candidates: Annotated[list[Daily], BOTH_RULES]
    province_candidates: list[Daily] = []  # of the province and above: a fit a series pays there
    told_by: Literal["models.series_forecasts"] = GENERAL


class WeekSeries(Series):
    frequency: Literal["week"]
    transformation: Literal["none"]
    covariates: list[Weather] = Field(default=[], max_length=0)
    horizon: int = Field(ge=1, le=4)
    candidates: Annotated[list[Weekly], BOTH_RULES]
    told_by: Literal["models.series_forecasts"] = GENERAL


class MonthSeries(Series):
    frequency: Literal["month"]
    transformation: Literal["none", "increments"]  # increments: the source holds sums since the year's beginning
    covariates: list[Weather] = []
    horizon: int = Field(ge=1, le=3)
    candidates: Annotated[list[Monthly], BOTH_RULES]
    province_candidates: list[Monthly] = []  # of the province and above: a fit a series pays there
    told_by: Literal["models.series_forecasts", "models.forecasts"] = GENERAL


class YearSeries(Series):
    frequency: Literal["year"]
    transformation: Literal["increments"]
    covariates: list[Weather] = Field(default=[], max_length=0)
    horizon: Literal[12]  # months at most: it ends with the year
    candidates: list[Literal["growth_of_late"]] = Field(min_length=1)
    told_by: Literal["models.outlooks"]


def candidates_at(series: DaySeries | MonthSeries, level: Level) -> list[str]:
    """The names of the candidates of a level."""
    further = [] if level in SMALL else series.province_candidates
    return list(dict.fromkeys([*series.candidates, *further]))


KINDS: dict[str, type[DaySeries] | type[WeekSeries] | type[MonthSeries] | type[YearSeries]] = {
    "day": DaySeries,
    "week": WeekSeries,
    "month": MonthSeries,
    "year": YearSeries,
}
AnySeries = DaySeries | WeekSeries | MonthSeries | YearSeries


def series_file(env: Mapping[str, str]) -> Path:
    """The registry in force: that of the setting KHO_SERIES, otherwise the one that comes with the code."""
    return Path(env.get(SETTING) or Path(__file__).with_name("series.yaml"))


def read_series(path: Path) -> list[AnySeries]:
    """All series, in order. Raises SeriesError naming the file, the lines and what was expected."""
    try:
        document = read_yaml(path.read_text(encoding="utf-8"))
    except (YamlError, OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SeriesError(f"{path}: cannot be read as YAML: {error}") from None
    rows = document.content.get("series") if isinstance(document.content, dict) else None
    if not isinstance(rows, list) or set(document.content) != {"series"}:
        raise SeriesError(f"{path}: line 1: expected `series:` with a list of series below it and nothing else")
    found: list[AnySeries] = []
    problems: list[tuple[int, str]] = []
    for number, row in enumerate(rows):
        place: list[str | int] = ["series", number]
        kind = row.get("frequency") if isinstance(row, dict) else None
        if kind not in KINDS:
            problems.append((document.line([*place, "frequency"]), f"frequency: expected one of {', '.join(KINDS)}"))
            continue
        try:
            one = KINDS[kind].model_validate(row)
        except ValidationError as error:
            problems += [_problem(document, each, place) for each in error.errors()]
            continue
        if one.code in {other.code for other in found}:
            problems.append((document.line([*place, "code"]), f"code: {one.code} is given twice"))
        found.append(one)
    for dataset in ONE_ROW:
        if not problems and (count := sum(one.told_by == dataset for one in found)) != 1:
            problems.append((1, f"told_by: expected one series with {dataset}, found {count}"))
    if problems:
        told = "; ".join(f"line {line}: {text}" for line, text in sorted(problems))
        raise SeriesError(f"{path}: {told}")
    return found


def _problem(document: Document, error: Any, place: list[str | int]) -> tuple[int, str]:
    text = str(error["msg"]).removeprefix("Value error, ")
    if not error["loc"]:  # a rule over several fields begins with the field it means
        return document.line([*place, text.partition(":")[0]]), text
    told = {"extra_forbidden": "is no field", "missing": "is missing"}.get(error["type"], text)
    return document.line([*place, *error["loc"]]), f"{'.'.join(str(step) for step in error['loc'])}: {told}"
