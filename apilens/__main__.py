"""`python -m apilens` is `apilens`."""

from apilens.cli import main

if __name__ == "__main__":
    main()
