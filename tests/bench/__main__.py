"""`make bench`: figures and ratios, each beside its reference in the same run."""

from tests.bench import engine, media, pty_run, sending


def main() -> None:
    """Print one row a measure as soon as it is known."""
    for measure in (pty_run.start, pty_run.running, sending.rate, media.decoding, engine.table):
        for row in measure():
            print(row, flush=True)


main()
