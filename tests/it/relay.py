#!/usr/bin/python3
"""relay.py PORT TARGET MS COUNTS - a way to 127.0.0.1:TARGET that counts.

Listens on PORT of 127.0.0.1 and carries bytes both ways, each MS later. COUNTS
is a file with two numbers, replaced as they grow: connections, and round trips
of all of them together.

A round trip is one of cause and effect, whatever the clock says: what a side
sends may answer all that had arrived there by then. The client's bytes are of
the round after the last one that it has an answer of, the server's of the last
one that has reached it. The delay keeps apart what both send at once."""

import asyncio
import os
import sys

port, target, delay = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
counts = sys.argv[4]
connections = 0
trips = 0


def write_counts():
    with open(counts + ".new", "w") as f:
        print(connections, trips, file=f)
    os.rename(counts + ".new", counts)


async def carry(reader, writer, sent, arrived):
    """sent() is the round of what is read now, arrived(round) when it is there."""
    loop = asyncio.get_running_loop()
    queue = asyncio.Queue()

    async def deliver():
        while True:
            due, turn, data = await queue.get()
            await asyncio.sleep(max(0, due - loop.time()))
            if not data:
                break
            arrived(turn)
            writer.write(data)
        writer.close()

    task = asyncio.ensure_future(deliver())
    while True:
        try:
            data = await reader.read(65536)
        except OSError:
            data = b""
        queue.put_nowait((loop.time() + delay / 1000, sent(), data))
        if not data:
            break
    await task


async def connection(reader, writer):
    global connections
    connections += 1
    write_counts()
    there = await asyncio.open_connection("127.0.0.1", target)
    at_server, at_client = 0, 0

    def reached_server(turn):
        nonlocal at_server
        at_server = max(at_server, turn)

    def reached_client(turn):
        global trips
        nonlocal at_client
        if turn > at_client:
            trips += turn - at_client
            at_client = turn
            write_counts()

    await asyncio.gather(
        carry(reader, there[1], lambda: at_client + 1, reached_server),
        carry(there[0], writer, lambda: at_server, reached_client))


async def main():
    write_counts()
    server = await asyncio.start_server(connection, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


asyncio.run(main())
