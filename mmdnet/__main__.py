"""`python -m mmdnet` is the command `mmdnet`."""

from mmdnet.cli import main

main()
