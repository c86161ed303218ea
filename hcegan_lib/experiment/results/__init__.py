"""From scores to tables: means over seeds with intervals, paired differences, verdicts, beside the paper's numbers.

Nothing here trains a model or scores a photograph.
"""

from hcegan_lib.experiment.records import RUN, manifest
from hcegan_lib.experiment.results.effects import PRIMARY, estimate, printed_effects
from hcegan_lib.experiment.results.scores import IN_TABLES, comparable, measured, recorded, run_means
from hcegan_lib.experiment.results.side_by_side import shade, side_by_side
from hcegan_lib.experiment.results.statistics import (
    FEWEST_SEEDS,
    LEVEL,
    bootstrap_interval,
    differences,
    holm,
    interval,
    p_value,
    paired_difference,
    seed_spread,
    summary,
    verdict,
)
from hcegan_lib.experiment.results.tables import protocol, table
from hcegan_lib.experiment.results.text import FORMS, readable, render_table
from hcegan_lib.experiment.results.training import MEASURES, measures_of_runs
from hcegan_lib.experiment.results.verdicts import render_scorecard, scorecard, training_card
