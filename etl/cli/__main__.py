"""``python -m etl.cli``: the command line where the script ``klartext`` isn't on the path."""

from etl.cli import main

if __name__ == "__main__":
    main()
