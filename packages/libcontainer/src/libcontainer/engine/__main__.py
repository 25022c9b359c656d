"""Where an engine begins: ``python -ISB __main__.py CONTROL-FD KIND PATH...``; started by ``engine.client`` alone."""

import sys


def main(control: int, kind: str, paths: list[str]) -> None:
    """Serve until the program at the other end of the socket has gone, then end this process."""
    import os

    # After the standard library, which nothing of the program may stand before.
    sys.path += [path for path in paths if path not in sys.path]
    os.chdir("/")
    if kind == "detached" and os.fork():
        # The program waits for this process at once, so that none of its children outlives our parent's attention.
        os._exit(0)
    from libcontainer.engine import server

    server.serve(control, is_detached=kind == "detached")
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
