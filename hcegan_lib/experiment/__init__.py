"""From a grid of models, data sets and seeds to runs, records, statistics and tables.

Nothing here defines a loss, a network or a metric.
"""
