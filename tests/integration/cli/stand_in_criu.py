"""A program that criu's callers take for criu: it keeps what it is asked, and refuses it; no part of the project.

It speaks the protocol of ``criu swrk FD`` as far as that takes: one message a datagram, in protocol buffers.
"""

from __future__ import annotations

import os
import socket
import sys

_VERSION, _FEATURE_CHECK = 10, 9
_FOUND = b"\x10\x01"  # success: true
_ANSWERS = {
    _VERSION: b"\x08\x0a" + _FOUND + b"\x52\x04\x08\x04\x10\x01",  # 4.1
    _FEATURE_CHECK: b"\x08\x09" + _FOUND + b"\x42\x04\x08\x01\x10\x01",  # memory tracking, lazy pages
}


def main() -> None:
    """Answer until the caller hangs up; the last request goes to the file that stands beside this one."""
    connection = socket.socket(fileno=int(sys.argv[2]))
    while request := connection.recv(1 << 16):
        answer = _ANSWERS.get(request[1])
        if answer is None:
            with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "request"), "wb") as file:
                file.write(request)
            answer = bytes((8, request[1])) + b"\x10\x00" + b"\x4a\x11refused as always"
        connection.send(answer)


if __name__ == "__main__":
    main()
