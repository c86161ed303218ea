"""From a grid of models, data sets and seeds to runs, records, statistics and tables.

Nothing here defines a loss, a network or a metric.
"""

import lazy_loader

# Lazy, because a Dask worker imports this package only to supervise runs, without torch or pandas.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["notebooks", "photographs", "records", "results", "weights"],
    submod_attrs={
        "cluster": ["has_taken_none", "local_cluster", "run_all", "scheduler_at"],
        "grid": ["Grid", "parse_settings", "read_grid", "resolve_data"],
        "provenance": ["code_hash", "made_from"],
        "runs": ["Run", "archive", "check_destination", "expand", "is_finished", "split_finished", "steps_done"],
    },
)
