"""Mutants that may survive, each with the reason why no test of results notices it."""

BY_EYE = "set by eye against photographs, with no published figure; users may state it"
MORE_WORK = "only more work for the same posterior"
NUMERIC = "numerical: no result changes beyond rounding"

EXPLAINED: dict[str, str] = {
    "twin/model/coating.py Paint.defects_per_m2: 12.0 -> 18.0": BY_EYE,
    "twin/model/corrosion.py COVER_YEARS: 2.0 -> 3.0": BY_EYE,
    "twin/model/deposits.py UP: 0.7 -> 1.05": "a ray down from an upward face meets that face, within a millimetre",
    "twin/model/deposits.py OFF_M: 0.0005 -> 0.00075": NUMERIC,
    "twin/model/noise.py LATTICE: 64 -> 128": "cosmetic: the pattern repeats later",
    "twin/model/onset.py RAGGED_WAVELENGTHS_MM: 80.0 -> 120.0": "cosmetic: one of six octaves a little longer",
    "twin/model/pits.py EDGE: 0.2 -> 0.3": "cosmetic: a pit ends after 72 degrees of a turned surface, not 78",
    "twin/model/pits.py Pits.factor: 0.5 -> 0.75": BY_EYE,
    "twin/bayes/moves.py OTHER_DRAW: 0.3 -> 0.45": "any share keeps the posterior: another speed of mixing",
    "twin/bayes/predictive_check.py LEAST_REACH: 1e-3 -> 0.0015": "half a micrometre of difference",
    "twin/bayes/predictive_check.py check_agreement: chance(score) < CONFLICT -> (chance(score) <= CONFLICT)": (
        "equivalent: a chance is a multiple of 1 / 201, which 0.02 is not"
    ),
    "twin/bayes/tempering.py temper: share < 1 -> (share >= 1) (2)": "fewer moves between steps; those at the end stay",
    "twin/forecast/rates.py CmlRates.remarks: 0 -> 1 (3)": "equivalent: a rate that was chosen has a life",
    "synth/cameras/locate.py (NARROWEST, WIDEST): 0.3 -> 0.45": "a lens of less than half the side is a fisheye's",
    "synth/sensor.py _equalise: 1 -> 2 (3)": "cosmetic: pixels darker than two of 255",
    "segmentation/data/perceptual_hash.py (ROWS, COLUMNS): 4096 -> 8192": "cost only: photos compared at once",
    "segmentation/data/perceptual_hash.py LINKS: 16 -> 32": "cost only: more links of the same groups are kept",
    "segmentation/data/leakage.py report: 0 -> 1": "equivalent: the dataset's own split draws nothing",
    "segmentation/data/perceptual_hash.py _ONES: 2 -> 3": "equivalent: a larger table, of which the same part is read",
    "benchmarks/stats/crossed_effects.py ZERO_VARIANCE: 1e-24 -> 1.5e-24": NUMERIC,
    "benchmarks/stats/crossed_effects.py _HALVINGS: 40 -> 80": NUMERIC,
    "benchmarks/stats/equivalence.py tost: inside > 0 -> (inside >= 0)": "equivalent: p is one half either way",
    "twin/model/corrosion.py LOCAL_WAVELENGTHS_MM: 4.0 -> 6.0": "cosmetic: one of three octaves a little longer",
    "synth/cameras/camera_model.py EXACT: 2e-4 -> 0.0003": NUMERIC,
    "synth/cameras/camera_model.py (RAYS, ALONG): 180 -> 360": "cost only: folds are looked for in more directions",
    "synth/cameras/camera_model.py solve_pose: other_missed < UNDECIDED * missed + 1 -> "
    "(other_missed <= UNDECIDED * missed + 1)": "equivalent but for a tie of two sums of rounded numbers",
    "benchmarks/stats/joint_check.py _ROUNDING: 1e-9 -> 1.5e-09": NUMERIC,
    "synth/labels/label_statistics.py measure: 1 -> 2": "equivalent: any number but 0 is true there",
    "twin/bayes/tempering.py KEEP: 0.5 -> 0.75": MORE_WORK,
    "twin/bayes/tempering.py DISTINCT: 0.7 -> 1.05": MORE_WORK,
    "benchmarks/stats/subgroups.py describe: 1 -> 2": "equivalent: numpy fills in any negative length of a shape",
    "twin/model/perforation.py _settle_rims: 1 -> 2": "equivalent: numpy fills in any negative length of a shape",
}
