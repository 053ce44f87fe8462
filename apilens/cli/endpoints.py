"""apilens endpoints: the endpoints of the API, documented or not, called or not."""

from __future__ import annotations

import click

from apilens.cli.question import Question, question_options

EXAMPLES = """\b
Examples:
  apilens endpoints --since 7d
  apilens endpoints --unused
  apilens endpoints --why /genre/rock
"""


@click.command(epilog=EXAMPLES)
@click.option("--unused", is_flag=True, help="Documented endpoints that nobody calls.")
@click.option("--why", "path", metavar="PATH", help="Say why a path is the endpoint that it is.")
@question_options(50)
def endpoints(question: Question, unused: bool, path: str | None) -> int:
    """Show the endpoints that are called, and what the API's description says of them. Reads the store, or log FILEs
    directly ('-' is stdin)."""
    from apilens.analyses.endpoints import EndpointsOptions
    from apilens.analyses.endpoints import endpoints as analysis
    from apilens.enrich.route_table import RouteTable
    from apilens.openapi import read_openapi
    from apilens.reading import endpoints_of

    routes = RouteTable.of(read_openapi(question.here.settings.openapi) if path else (), question.here.settings)
    return question.answer(
        analysis,
        EndpointsOptions,
        of_store=lambda store: {"known": endpoints_of(store)},
        routes=routes,
        why=path,
        unused=unused,
    )
