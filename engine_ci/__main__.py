"""`python -m engine_ci` is `engine-ci`."""

from engine_ci.cli.main import main

main()
