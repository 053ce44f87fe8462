"""apilens heatmap: one dimension against another."""

from __future__ import annotations

import click

from apilens.cli.options import limit_of
from apilens.cli.question import Question, question_options

EXAMPLES = """\b
Examples:
  apilens heatmap --since 24h
  apilens heatmap --cols hour --value error_rate --since 12h
  apilens heatmap --rows sdk --value rate
  apilens heatmap --rows endpoint --cols status_class --value p95

What the numbers mean: docs/peers.md.
"""


@click.command(epilog=EXAMPLES)
@click.option("--rows", metavar="DIM", default="account", help="What rows are.  [account]")
@click.option("--cols", metavar="DIM", default="status", help="What columns are.  [status]")
@click.option("--value", metavar="NAME", default="errors", help="count, rate, p95 or any metric.  [errors]")
@click.option("--columns", metavar="N|all", default="12", help="Columns to show.  [12]")
@question_options(20)
def heatmap(question: Question, rows: str, cols: str, value: str, columns: str) -> int:
    """Show two dimensions against each other, a number in each cell: by default the errors of each account by status.
    Reads the store, or log FILEs directly ('-' is stdin)."""
    from apilens.analyses.heatmap import HeatmapOptions
    from apilens.analyses.heatmap import heatmap as analysis

    return question.answer(
        analysis, HeatmapOptions, rows=rows, cols=cols, value=value, columns=limit_of(columns, "--columns")
    )
