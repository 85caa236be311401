"""Carbonic acid corrosion inside by NORSOK M-506, or by de Waard, Lotz and Milliams where the pH is unknown.

Both hold for bare carbon steel that free water wets, without an inhibitor, glycol or a film of oil. They are priors
with a standard error of a factor of two, and must not lower rates learned from readings.

References
----------
NORSOK M-506, CO2 corrosion rate calculation model, rev. 2 (2005), section 5.2 and Tables 1 and 2; limits on H2S of its
    2017 edition. Read in public implementations (``gemini-model`` on PyPI; ``dungnguyen2/norsokm506`` on GitHub, whose
    sign of pH at 5 °C is wrong; the equations for 5 and 15 °C and all of Table 2 in
    ``yapmaya/erocorr3d``, which quotes the pages) and in the standard's announcement at standard.no. Some have 1.061
    for 1.051 at 5 °C: only with 1.051 do the pieces of F meet at pH 4.6, as those of 15 °C do.
de Waard, Lotz and Milliams (1991), Predictive model for CO2 corrosion engineering in wet natural gas pipelines,
    Corrosion 47, 976. Read in ``gemini-model`` and in NeqSim's ``DeWaardMilliamsCorrosion``. Its range was not read:
    that of NORSOK M-506 is kept instead.
"""

from collections.abc import Callable

import numpy as np

from corrotwin.twin.core.errors import InputError
from corrotwin.twin.mechanisms.mechanism import BORE, Mechanism

SPREAD = 0.6931  # ln 2: a factor of two is one standard deviation, so that P95 is 3.1 times the median
NEUTRAL_SHEAR_PA = 19.0  # wall shear stress at which NORSOK M-506 states its rates
TEMPERATURES_C = (5.0, 150.0)
CO2_BAR = (0.1, 10.0)
PH = (3.5, 6.5)
SHEAR_PA = (1.0, 150.0)
MOST_H2S_BAR = 0.05
LEAST_CO2_TO_H2S = 20.0
MOST_FUGACITY_BAR = 250.0  # total pressure beyond which the fugacity coefficient is constant
KELVIN = 273.15


def co2(
    zones: tuple[str, ...] = (BORE,),
    *,
    temperature_c: float,
    co2_bar: float,
    ph: float | None = None,
    shear_pa: float | None = None,
    pressure_bar: float | None = None,
    h2s_bar: float = 0.0,
) -> Mechanism:
    """Return the loss to carbonic acid: by NORSOK M-506 with a pH, by de Waard, Lotz and Milliams without.

    Parameters
    ----------
    zones : zones on which it acts.
    temperature_c : temperature of the fluid, 5 to 150.
    co2_bar : partial pressure of CO2, 0.1 to 10.
    ph : pH of the water, 3.5 to 6.5.
    shear_pa : mean wall shear stress, 1 to 150; needs a pH; by default 19. 150 gives at most 1.5 times the rate at 19.
    pressure_bar : total pressure, which lowers the fugacity of CO2; by default the fugacity is the partial pressure.
    h2s_bar : partial pressure of H2S, at most 0.05 and a twentieth of that of CO2.

    Raises
    ------
    InputError
        A value is outside the range in which the models hold, or a shear stress is given without a pH.
    """
    _check("temperature_c", temperature_c, *TEMPERATURES_C)
    _check("co2_bar", co2_bar, *CO2_BAR)
    _check("h2s_bar", h2s_bar, 0.0, min(MOST_H2S_BAR, co2_bar / LEAST_CO2_TO_H2S))
    if pressure_bar is not None and not co2_bar <= pressure_bar < np.inf:
        raise InputError(
            f"`mechanism` co2: pressure_bar {pressure_bar:g}: "
            f"the total cannot be below the pressure of CO2, {co2_bar:g}"
        )
    fugacity = fugacity_bar(co2_bar, pressure_bar or 0.0, temperature_c)
    inputs: dict[str, float | str] = {"temperature_c": temperature_c, "co2_bar": co2_bar}
    if ph is None:
        if shear_pa is not None:
            raise InputError(
                f"`mechanism` co2: shear_pa {shear_pa:g} is used only by NORSOK M-506, which needs a pH; also give ph"
            )
        rate, source = de_waard_mm_year(temperature_c, fugacity), "de Waard, Lotz and Milliams (1991)"
    else:
        shear_pa = NEUTRAL_SHEAR_PA if shear_pa is None else shear_pa
        _check("ph", ph, *PH)
        _check("shear_pa", shear_pa, *SHEAR_PA)
        rate, source = norsok_mm_year(temperature_c, fugacity, ph, shear_pa), "NORSOK M-506"
        inputs |= {"ph": ph, "shear_pa": shear_pa}
    optional = {"pressure_bar": pressure_bar, "h2s_bar": h2s_bar or None}
    inputs |= {name: value for name, value in optional.items() if value is not None}
    return Mechanism(kind="co2", zones=zones, rate_mm_year=rate, spread=SPREAD, inputs=inputs, source=source)


def fugacity_bar(co2_bar: float, pressure_bar: float, temperature_c: float) -> float:
    """Return the fugacity of CO2 at a total pressure, bar: p 10^(P (0.0031 - 1.4 / T)), P at most 250 bar, T in K."""
    exponent = min(pressure_bar, MOST_FUGACITY_BAR) * (0.0031 - 1.4 / (temperature_c + KELVIN))
    return float(co2_bar * 10**exponent)


def de_waard_mm_year(temperature_c: float, fugacity_bar: float) -> float:
    """Return the rate by de Waard, Lotz and Milliams (1991), mm/year, with their factor for scale, at most 1.

    log V = 5.8 - 1710 / T + 0.67 log f;  log F = 2400 / T - 0.6 log f - 6.7, T in K and f in bar.
    """
    kelvin, log_f = temperature_c + KELVIN, np.log10(fugacity_bar)
    scale = min(2400 / kelvin - 0.6 * log_f - 6.7, 0.0)
    return float(10 ** (5.8 - 1710 / kelvin + 0.67 * log_f + scale))


def norsok_mm_year(temperature_c: float, fugacity_bar: float, ph: float, shear_pa: float) -> float:
    """Return the rate by NORSOK M-506, mm/year.

    K f^0.62 (S/19)^(0.146 + 0.0324 log f) F(pH) at the temperatures of its table from 20 °C on, f^0.36 in place of
    f^0.62 at 15 °C, and K f^0.36 F(pH) at 5 °C. Between these temperatures the rates are interpolated.
    """
    log_f = np.log10(fugacity_bar)
    shear = (shear_pa / NEUTRAL_SHEAR_PA) ** (0.146 + 0.0324 * log_f)
    rates = [
        constant * fugacity_bar ** (0.36 if node < 20 else 0.62) * (1 if node == 5 else shear) * _ph_factor(node, ph)
        for node, constant in CONSTANTS.items()
    ]
    return float(np.interp(temperature_c, list(CONSTANTS), rates))


def _ph_factor(node: int, ph: float) -> float:
    return next(law(ph) for until, law in PH_LAWS[node] if ph <= until)


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise InputError(f"`mechanism` co2: {name} {value:g}: the models are valid from {low:g} to {high:g}")


def _polynomial(*coefficients: float) -> Callable[[float], float]:
    return lambda ph: sum(coefficient * ph**power for power, coefficient in enumerate(coefficients))


def _exponential(factor: float, rate: float) -> Callable[[float], float]:
    return lambda ph: float(factor * np.exp(rate * ph))


CONSTANTS = {  # K by temperature in °C (Table 1)
    5: 0.42, 15: 1.59, 20: 4.762, 40: 8.927, 60: 10.695, 80: 9.949, 90: 6.250, 120: 7.770, 150: 5.203
}  # fmt: skip
_COLD = _polynomial(2.0676, -0.2309)
_MILD = _polynomial(5.1885, -1.2353, 0.0708)
PH_LAWS = {  # F(pH) by temperature in °C, each up to a pH (Table 2)
    5: ((4.6, _COLD), (6.5, _polynomial(4.342, -1.051, 0.0708))),
    15: ((4.6, _COLD), (6.5, _polynomial(4.986, -1.191, 0.0708))),
    20: ((4.6, _COLD), (6.5, _MILD)),
    40: ((4.6, _COLD), (6.5, _MILD)),
    60: ((4.6, _polynomial(1.836, -0.1818)), (6.5, _polynomial(15.444, -6.1291, 0.8204, -0.0371))),
    80: ((4.6, _polynomial(2.6727, -0.3636)), (6.5, _exponential(331.68, -1.2618))),
    90: (
        (4.57, _polynomial(3.1355, -0.4673)),
        (5.62, _exponential(21254, -2.1811)),
        (6.5, _polynomial(0.4014, -0.0538)),
    ),
    120: (
        (4.3, _polynomial(1.5375, -0.125)),
        (5.0, _polynomial(5.9757, -1.157)),
        (6.5, _polynomial(0.546125, -0.071225)),
    ),
    150: ((3.8, _polynomial(1.0)), (5.0, _polynomial(17.634, -7.0945, 0.715)), (6.5, _polynomial(0.037))),
}
