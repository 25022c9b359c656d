"""Programs that use up what a container may have, for ``containers.with_python``; each ends by sleeping."""

from __future__ import annotations

#: Maps and uses as many huge pages of 2 MiB as the argument says, with MAP_PRIVATE, MAP_ANONYMOUS and MAP_HUGETLB of
#: mmap(2).
HUGE_PAGES = """
import mmap, sys, time
held = []
for number in range(int(sys.argv[1])):
    try:
        held.append(mmap.mmap(-1, 2 << 20, flags=0x2 | 0x20 | 0x40000))
        held[-1][0] = 1
        print("mapped", flush=True)
    except OSError as error:
        print(error.strerror, flush=True)
time.sleep(1000)
"""

#: Takes three contexts (handles) of the RDMA device whose file is the argument, and four protection domains (objects)
#: of the first context, by the commands of rdma/ib_user_verbs.h: number, words in and out, where the answer goes.
RDMA = """
import array, os, struct, sys, time
answer = array.array("B", bytes(64))
def command(context, number, words):
    try:
        os.write(context, struct.pack("=IHHQ", number, 4, words, answer.buffer_info()[0]))
        print("given", flush=True)
    except OSError as error:
        print(error.strerror, flush=True)
contexts = [os.open(sys.argv[1], os.O_RDWR) for number in range(3)]
for context in contexts:
    command(context, 0, 2)
for number in range(4):
    command(contexts[0], 3, 1)
time.sleep(1000)
"""
#: What it says where there are two handles and three objects.
RDMA_OUTPUT = "given\ngiven\nResource temporarily unavailable\n" + 3 * "given\n" + "Resource temporarily unavailable\n"


def command(program: str, *args: str) -> list[str]:
    """Return the command that runs one of them."""
    return ["/usr/bin/python3", "-ISc", program, *args]
