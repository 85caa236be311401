"""Ways in which the truth of a simulated asset may differ from what its forecast assumes."""

from dataclasses import dataclass

from corrotwin.twin.bayes.prior import Prior
from corrotwin.twin.inspection.records import KINDS
from corrotwin.twin.model.corrosion import AS_STANDARD

# Standard deviations of logarithms among assets in one category: of the rate, and of the speed of rust under paint.
RATE_WITHIN, FRONT_WITHIN = 0.2, 0.5
CATEGORY = "C4"  # as owners believe
KINDS_TRIED = ("pipe", "plate", "beam", "railing")
JUMP_YEARS = 8.0  # of service after which a fluid corrodes faster: between the two visits


@dataclass(frozen=True, kw_only=True)
class Arm:
    """A way in which the truth differs from the assumptions of the forecast.

    Parameters
    ----------
    rate_sd, front_sd : standard deviations of the logarithms of the rate and of the speed of rust under paint. Those of
        the prior allow for a category that is one off; the other arms keep only the scatter within one.
    category : true category of the assets.
    exponent : addition to the exponent of time.
    detection : true probability of detection of a photograph, less the one that the inspector states.
    bias_mm : bias of the thickness gauge beyond its stated bias.
    visit_bias_mm : standard deviation of the gauge's bias, drawn again at each visit.
    jump : factor on the rate of the fluid in a pipe after `JUMP_YEARS`, unknown to the owner.
    attack_mm_year : additional rate of loss at a spot of the largest zone that nobody measures.
    kinds : kinds of assets on which it is tried.
    """

    rate_sd: float = RATE_WITHIN
    front_sd: float = FRONT_WITHIN
    category: str = CATEGORY
    exponent: float = 0.0
    detection: float = 0.0
    bias_mm: float = 0.0
    visit_bias_mm: float = KINDS["ultrasonic"].bias_sd
    jump: float = 1.0
    attack_mm_year: float = 0.0
    kinds: tuple[str, ...] = KINDS_TRIED


ARMS = {
    "as assumed": Arm(rate_sd=Prior().rate[1], front_sd=Prior().front[1]),
    "category C5, not C4": Arm(category="C5"),
    "category C3, not C4": Arm(category="C3"),
    "category CX, not C4": Arm(category="CX"),  # two off: beyond what the prior allows for
    "exponent 0.15 higher": Arm(exponent=0.15),
    "exponent 1": Arm(exponent=1 - AS_STANDARD.exponent),
    "detection 0.6, not 0.9": Arm(detection=-0.3),
    "gauge reads 0.3 mm thick": Arm(bias_mm=0.3),
    "gauge off by 0.3 mm, not 0.1": Arm(visit_bias_mm=0.3),  # another error at each visit
    "pipes, as assumed": Arm(rate_sd=Prior().rate[1], front_sd=Prior().front[1], kinds=("pipe",)),
    "pipes, rate inside four times as high from year 8": Arm(jump=4.0, kinds=("pipe",)),
    "local attack where nobody measured": Arm(attack_mm_year=0.1),
}
