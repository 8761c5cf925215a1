"""Mail exchangers, one on each address, that print what happens on their connections, one line of JSON each."""
import asyncio
import json
import re
import sys
import time

from aiosmtpd.smtp import SMTP

settings = json.loads(sys.argv[1])
connections = 0


def tell(kind, connection, **more):
    print("EVENT " + json.dumps({"at": time.time() * 1000, "kind": kind, "connection": connection, **more}), flush=True)


class Handler:
    async def handle_MAIL(self, server, session, envelope, address, options):
        envelope.mail_from = address
        tell("mail", server.number)
        return "250 2.1.0 sender taken"

    async def handle_DATA(self, server, session, envelope):
        # A server that takes its time has connections beside each other.
        await asyncio.sleep(settings["dataMs"] / 1000)
        found = re.search(rb"^X-Number: (\d+)\r?$", envelope.content, re.M)
        tell("taken", server.number, helo=session.host_name, message=int(found.group(1)), to=envelope.rcpt_tos)
        return "250 2.0.0 message taken"

    async def handle_QUIT(self, server, session, envelope):
        tell("quit", server.number)
        return "221 2.0.0 bye"


class Connection(SMTP):
    def __init__(self, site):
        super().__init__(Handler(), hostname=site, loop=asyncio.get_running_loop(), timeout=120)
        self.site = site

    def connection_made(self, transport):
        global connections
        connections += 1
        self.number = connections
        tell("open", self.number, site=self.site, peer=transport.get_extra_info("peername")[0])
        super().connection_made(transport)

    def connection_lost(self, error):
        tell("close", self.number)
        super().connection_lost(error)


async def main():
    loop = asyncio.get_running_loop()
    for site, address in settings["sites"].items():
        await loop.create_server(lambda site=site: Connection(site), address, 25)
    print("READY", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
