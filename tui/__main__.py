"""`python -m tui` is `captty`."""

from tui.cli import main

main()
