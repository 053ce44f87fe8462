"""`python -m apilens` is `apilens`."""

from apilens.cli import main

main()
