"""What the paper prints: its models and data sets, Tables 1-3, and the claims of its text.

Nothing that we measured is here.
"""

from hcegan_lib.paper.claims import CLAIM_COLUMNS, VERDICTS, claims, exact_cells, judge_number
from hcegan_lib.paper.models import DATASETS, LUMA_MODELS, MODELS, STANDINS, Model, model, model_name
from hcegan_lib.paper.tables import UNITS, table
