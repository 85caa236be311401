"""Modules whose changes must be noticed, by subject, and the fast tests that guard each."""

MODEL, BAYES, FORECAST = "tests/twin/model/", "tests/twin/bayes/", "tests/twin/forecast/"
MECHANISMS, LABELS, CAMERAS = "tests/twin/mechanisms/", "tests/synth/labels/", "tests/synth/cameras/"
STATS, DATA = "tests/benchmarks/stats/", "tests/segmentation/data/"

GUARDS: dict[str, dict[str, tuple[str, ...]]] = {
    "growth": {
        "twin/model/coating.py": (MODEL + "test_onset.py", MODEL + "test_coating.py"),
        "twin/model/corrosion.py": tuple(
            f"{MODEL}test_corrosion.py::test_{name}"
            for name in (
                "zero_years_change_nothing",
                "fields_are_in_range_and_agree",
                "no_more_is_lost_than_there_is",
                "bare_steel_loses_what_iso_9224_says",
                "bare_steel_loses_r_in_its_first_year",
                "zinc_keeps_rust_away_until_it_is_used_up",
                "rust_forms_patches_and_not_specks",
            )
        ),
        "twin/model/deposits.py": (MODEL + "test_deposits.py",),
        "twin/model/exposure.py": (MODEL + "test_exposure.py", MODEL + "test_loss.py"),
        "twin/model/loss.py": (MODEL + "test_loss.py",),
        "twin/model/noise.py": (MODEL + "test_noise.py",),
        "twin/model/onset.py": (MODEL + "test_onset.py",),
        "twin/model/perforation.py": (MODEL + "test_perforation.py",),
        "twin/model/pits.py": (
            MODEL + "test_pits.py",
            BAYES + "test_smc.py::test_mean_loss_by_pits_is_that_of_scattered_bowls",
        ),
        "twin/model/zones.py": (MODEL + "test_zones.py",),
        "twin/mechanisms/co2.py": (MECHANISMS + "test_co2.py",),
        "twin/mechanisms/insulation.py": (MECHANISMS + "test_tables.py",),
        "twin/mechanisms/mechanism.py": (MECHANISMS + "test_catalogue.py", MECHANISMS + "test_tables.py"),
        "twin/mechanisms/process.py": (MECHANISMS + "test_catalogue.py", MECHANISMS + "test_tables.py"),
        "twin/mechanisms/seawater.py": (MECHANISMS + "test_tables.py",),
        "twin/mechanisms/soil.py": (MECHANISMS + "test_tables.py",),
    },
    "likelihood": {
        "twin/bayes/likelihood.py": (BAYES + "test_likelihood.py",),
        "twin/bayes/moves.py": (BAYES + "test_likelihood.py",),
        "twin/bayes/predictive_check.py": (
            BAYES + "test_likelihood.py::test_how_odd_a_record_is_does_not_depend_on_its_unit",
            BAYES + "test_smc.py::test_one_wrong_reading_among_twenty_is_odd_and_honest_ones_are_not",
        ),
        "twin/bayes/prior.py": (BAYES + "test_prior.py",),
        "twin/bayes/tempering.py": (BAYES + "test_likelihood.py",),
    },
    "forecast": {
        "twin/forecast/pipe_design.py": (
            FORECAST + "test_pressure_design.py",
            FORECAST + "test_failure.py::test_the_mawp_counts_twice_the_loss_since_the_reading",
            "tests/twin/forecast/test_cml.py",
        ),
        "twin/forecast/precision.py": (
            FORECAST + "test_lives.py::test_the_monte_carlo_error_is_that_of_runs",
            FORECAST + "test_lives.py::test_errors_pass_their_bounds_where_the_page_says",
        ),
        "twin/forecast/pressure_design.py": (FORECAST + "test_pressure_design.py",),
        "twin/forecast/rates.py": (FORECAST + "test_rates.py",),
        "twin/forecast/remaining_life.py": (FORECAST + "test_remaining_life.py",),
        "twin/forecast/strength.py": (FORECAST + "test_strength.py",),
    },
    "labels": {
        "synth/labels/label_statistics.py": tuple(
            f"{LABELS}test_label_statistics.py::test_{name}"
            for name in (
                "counts_of_two_squares_and_a_speck",
                "the_edge_of_the_picture_is_no_boundary",
                "closing_fills_a_gap_of_ten_pixels_and_none_of_twelve",
                "summary_of_four_images_by_hand",
                "small_pictures_are_counted_at_the_working_size",
                "ratio_flags",
            )
        ),
        "synth/labels/maps.py": (LABELS + "test_maps.py",),
        "synth/labels/masks.py": (LABELS + "test_masks.py",),
        "synth/labels/morphology.py": (LABELS + "test_morphology.py",),
        "synth/labels/severity.py": (LABELS + "test_severity.py",),
        "twin/core/rust_grade.py": (LABELS + "test_severity.py",),
    },
    "cameras": {
        "synth/cameras/camera_model.py": (CAMERAS + "test_reprojection.py",),
        "synth/cameras/locate.py": tuple(
            f"{CAMERAS}test_locate.py::{name}"
            for name in (
                "test_the_true_camera_is_found",
                "test_points_picked_by_hand_give_it_within_a_centimetre",
                "test_the_focal_length_is_that_of_the_exif_or_found_from_the_points",
                "test_what_cannot_be_located_is_refused_and_nothing_written",
                "test_what_is_written_is_plain_json",
            )
        ),
    },
    "sensor": {"synth/sensor.py": ("tests/synth/test_sensor.py",)},
    "splits": {
        "segmentation/data/groups.py": (DATA + "test_groups.py",),
        "segmentation/data/leakage.py": (DATA + "test_leakage.py",),
        "segmentation/data/perceptual_hash.py": (DATA + "test_groups.py",),
        "segmentation/data/splits.py": (DATA + "test_splits.py",),
        "segmentation/sampling.py": ("tests/segmentation/test_sampling.py",),
    },
    "statistics": {
        "benchmarks/stats/comparison.py": (STATS + "test_comparison.py",),
        "benchmarks/stats/crossed_effects.py": (STATS + "test_crossed_effects.py", STATS + "test_subgroups.py"),
        "benchmarks/stats/equivalence.py": (STATS + "test_equivalence.py",),
        "benchmarks/stats/joint_check.py": (STATS + "test_joint_check.py",),
        "benchmarks/stats/power.py": (STATS + "test_equivalence.py", STATS + "test_power.py"),
        "benchmarks/stats/printed_table.py": (STATS + "test_printed_table.py",),
        "benchmarks/stats/subgroups.py": (STATS + "test_subgroups.py",),
        "benchmarks/stats/tukey.py": (STATS + "test_tukey.py",),
    },
}
