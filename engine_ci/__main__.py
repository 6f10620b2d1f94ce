"""`python -m engine_ci` is `engine-ci`: the door, where a signal is heard before all is loaded."""

from engine_ci.system import early


def main() -> None:
    """Runs one command, and exits with its code."""
    early.listen()
    from engine_ci.cli.main import main as command  # noqa: PLC0415 - it loads for long, and a signal may come

    command()


if __name__ == "__main__":
    main()
