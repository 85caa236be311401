"""Published exposure series of bare carbon steel: a prior fitted on half of the sites and judged once on the others.

**Data.** `published.csv`: loss of carbon steel in the open air at stations of the Chinese national exposure network
after 1, 2, 4, 8 and 16 years (grades 20, 3C, A3: six sites), 1, 2 and 4 years (three lots of Q235: seven sites), and 1
and 2 years (a later lot of Q235: thirteen sites). Facts from rows 1 to 177 of a public copy,
`data/new_start_data/new_totall_data1.csv` in github.com/ChengChen-ai/Carbon-steel-corrosion-prediction_RF_BP (commit
d243ddf; thickness lost in mm, headings in Chinese; no licence is stated, and only measured numbers are taken). They
seem to be the exposures that Hou and Liang (Corrosion 55 (1999) 65: eight years) and Liang (J. Chin. Soc. Corros. Prot.
26 (2006) 129: sixteen years) report; the tables of those papers could not be read, so the copy is not checked against
them. Values are kept as they stand, also where a longer exposure lost less (other specimens, other weather).
`source_row` is the row of that file.

**Protocol**, written and committed before the first run:

1. A series is one steel at one site; its truth is the loss at its last time. No series is left out or corrected.
2. Sites with a series of at least three times are put in alphabetical order; the first is fitted, the second judged,
   the third fitted, and so on. Of these sites all series of at least three times are used.
3. Sites with shorter series only are never fitted. They are judged as a group of their own.
4. What is known is either the site's corrosivity category (ISO 9223, by the geometric mean of first-year losses of the
   site's other series, else of this one), or the first-year loss of the series itself.
5. A forecast is log-normal. From the category: the middle of the category times `years` to the exponent, with the
   spread of the rate, of the exponent and the scatter of a reading. From the first year: that loss in place of the
   middle, without the spread of the rate, and with the scatter of two readings.
6. Two priors are compared: the twin's own (`bayes.prior`: spread of a measured category, exponent of ISO 9224, no
   scatter), and the one fitted by `fit` on the fitted sites. (The twin has taken the fitted spread of the exponent
   since; its prior now is a third row, chosen without the judged sites.)
7. Judged: one-sided failures (truth worse than P95 of loss, which is P5 of remaining thickness; 5 % are expected), the
   same by site (series of one site are not independent), coverage of P5 to P95, and the interval score. Once: what
   comes out stands, and nothing is tuned on the judged sites.

The numbers were seen when the table was typed in; the rule of the split was laid down before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import norm

from corrotwin.twin.bayes.prior import CATEGORY_MEASURED, NARROW
from corrotwin.twin.calibration.scoring import FailureRate, failure_rate, interval_score
from corrotwin.twin.core import tables
from corrotwin.twin.geometry.atlas import Floats
from corrotwin.twin.model.corrosion import AS_STANDARD
from corrotwin.twin.model.exposure import bounds_um, category_of, category_um

TABLE = Path(__file__).with_name("published.csv")
COLUMNS = ("source_row", "site", "environment", "steel", "years", "loss_um")
LEAST_TIMES = 3  # of a series from which an exponent can be fitted
FITTED, JUDGED, SHORT = "fitted", "judged", "short series"  # what a site is used for
GIVEN = ("category", "first year")
P95 = float(norm.ppf(0.95))


@dataclass(frozen=True, kw_only=True, eq=False)
class Series:
    """Losses of one steel at one site; `years` and `loss_um` are (T,), the first after one year."""

    site: str
    environment: str
    steel: str
    years: Floats
    loss_um: Floats

    @property
    def exponent(self) -> float:
        """Slope of the logarithm of loss over that of years, by least squares."""
        return float(np.polyfit(np.log(self.years), np.log(self.loss_um), 1)[0])


@dataclass(frozen=True, kw_only=True)
class LossPrior:
    """Normal prior of the logarithm of uniform loss in the open air.

    Parameters
    ----------
    name : name for tables.
    rate : standard deviation of the logarithm of first-year loss over the middle of the category; None for the twin's
        own, by category.
    exponent, exponent_sd : of time.
    scatter : standard deviation of the logarithm of one reading: other specimens, other weather.
    """

    name: str
    rate: float | None
    exponent: float
    exponent_sd: float
    scatter: float


# ISO 9224's exponent, which was the twin's own prior when the protocol was laid down.
STANDARD = LossPrior(name="ISO 9224", rate=None, exponent=AS_STANDARD.exponent, exponent_sd=0.026, scatter=0.0)
# The twin's prior since then: the spread of exponents from the fitted sites, about the standard's higher mean.
CURRENT = LossPrior(
    name="the twin's", rate=None, exponent=AS_STANDARD.exponent, exponent_sd=CATEGORY_MEASURED.exponent, scatter=0.0
)


@dataclass(frozen=True, kw_only=True)
class PublishedForecast:
    """Forecast of the last loss of a published series beside the loss itself, in µm."""

    prior: str
    given: str  # one of GIVEN
    use: str  # of the site: JUDGED, SHORT, or FITTED
    site: str
    steel: str
    category: str
    years: float
    truth_um: float
    p5_um: float
    p50_um: float
    p95_um: float


@dataclass(frozen=True, kw_only=True)
class PublishedSummary:
    """Scores of one prior on the series of one use.

    Parameters
    ----------
    failures : truths worse than P95 of loss, by series.
    failing_sites : sites where any series did.
    coverage : share of truths from P5 to P95.
    score_um : mean interval score of P5 to P95.
    score_log : the same of logarithms, in which slow and fast sites count alike.
    """

    prior: str
    given: str
    use: str
    failures: FailureRate
    failing_sites: FailureRate
    coverage: float
    score_um: float
    score_log: float


def read_series(path: Path = TABLE) -> list[Series]:
    """Return the published series in the order of the table."""
    cells = tables.read_own(path, COLUMNS)
    years, loss = (np.array(cells[name], dtype=float) for name in ("years", "loss_um"))
    keys = list(zip(cells["site"], cells["environment"], cells["steel"], strict=True))
    series = []
    for key in dict.fromkeys(keys):
        rows = [number for number, row_key in enumerate(keys) if row_key == key]
        site, environment, steel = key
        series.append(Series(site=site, environment=environment, steel=steel, years=years[rows], loss_um=loss[rows]))
    return series


def uses(series: Sequence[Series]) -> dict[str, str]:
    """Return what each site is used for, by the protocol."""
    long = sorted({losses.site for losses in series if len(losses.years) >= LEAST_TIMES})
    split = {site: (FITTED, JUDGED)[number % 2] for number, site in enumerate(long)}
    return split | {losses.site: SHORT for losses in series if losses.site not in split}


def fit(series: Sequence[Series]) -> LossPrior:
    """Fit the prior on the fitted sites' series of at least three times; sites count alike.

    The exponent's mean and standard deviation are those of the series' slopes; the rate's spread is the root mean
    square of first-year losses over the middle of the category that the other series of the site give; scatter is what
    remains of the logarithms about each series' line.
    """
    sites = [site for site, use in uses(series).items() if use == FITTED]
    groups = [
        [losses for losses in series if losses.site == site and len(losses.years) >= LEAST_TIMES] for site in sites
    ]
    slopes = [np.array([losses.exponent for losses in group]) for group in groups]
    mean = float(np.mean([values.mean() for values in slopes]))
    between = len(sites) / (len(sites) - 1)
    spread = np.sqrt(between * np.mean([np.mean((values - mean) ** 2) for values in slopes]))
    rates = [
        [np.log(losses.loss_um[0] / category_um(_category(losses, series))) for losses in group] for group in groups
    ]
    rate = np.sqrt(np.mean([np.mean(np.square(values)) for values in rates]))
    squares, freedom = 0.0, 0
    for losses in (losses for group in groups for losses in group):
        line = np.polyfit(np.log(losses.years), np.log(losses.loss_um), 1)
        squares += float(np.sum((np.log(losses.loss_um) - np.polyval(line, np.log(losses.years))) ** 2))
        freedom += len(losses.years) - 2
    return LossPrior(
        name="fitted", rate=float(rate), exponent=mean, exponent_sd=float(spread),
        scatter=float(np.sqrt(squares / freedom)),
    )  # fmt: skip


def forecasts(prior: LossPrior, series: Sequence[Series]) -> list[PublishedForecast]:
    """Forecast the last loss of every series that the protocol uses, from the category and from the first year."""
    use, results = uses(series), []
    for losses in series:
        if use[losses.site] != SHORT and len(losses.years) < LEAST_TIMES:
            continue
        last, category = np.log(losses.years[-1]), _category(losses, series)
        rate = _own_rate(category) if prior.rate is None else prior.rate
        for given in GIVEN:
            start = category_um(category) if given == "category" else losses.loss_um[0]
            variance = (prior.exponent_sd * last) ** 2 + prior.scatter**2
            variance += rate**2 if given == "category" else prior.scatter**2
            middle = np.log(start) + prior.exponent * last
            low, median, high = np.exp(middle + P95 * np.sqrt(variance) * np.array([-1, 0, 1])).tolist()
            results.append(
                PublishedForecast(
                    prior=prior.name, given=given, use=use[losses.site], site=losses.site, steel=losses.steel,
                    category=category, years=float(losses.years[-1]), truth_um=float(losses.loss_um[-1]),
                    p5_um=low, p50_um=median, p95_um=high,
                )
            )  # fmt: skip
    return results


def judge(made: Sequence[PublishedForecast]) -> list[PublishedSummary]:
    """Return one summary for each prior, knowledge and use, in order of appearance."""
    summaries = []
    for key in dict.fromkeys((forecast.prior, forecast.given, forecast.use) for forecast in made):
        group = [forecast for forecast in made if (forecast.prior, forecast.given, forecast.use) == key]
        truth, low, high = np.array([(forecast.truth_um, forecast.p5_um, forecast.p95_um) for forecast in group]).T
        failed = truth > high
        sites = sorted({forecast.site for forecast in group})
        by_site = [
            any(failed[number] for number, forecast in enumerate(group) if forecast.site == site) for site in sites
        ]
        prior, given, use = key
        summaries.append(
            PublishedSummary(
                prior=prior, given=given, use=use, failures=failure_rate(failed), failing_sites=failure_rate(by_site),
                coverage=float(np.mean((truth >= low) & ~failed)),
                score_um=float(interval_score(truth, low, high).mean()),
                score_log=float(interval_score(np.log(truth), np.log(low), np.log(high)).mean()),
            )
        )  # fmt: skip
    return summaries


def _category(one: Series, series: Sequence[Series]) -> str:
    """Return the site's category by first-year losses of its other series, or else by this one's."""
    others = [other.loss_um[0] for other in series if other.site == one.site and other is not one]
    return category_of(float(np.exp(np.mean(np.log(others or [one.loss_um[0]])))))


def _own_rate(category: str) -> float:
    """Return the spread of the rate that the twin assumes within a category that was measured (`bayes.prior`)."""
    least = CATEGORY_MEASURED.rate[0]
    low, high = bounds_um(category)
    return least if category in NARROW else max(least, float(np.log(high / low) / np.sqrt(12)))
