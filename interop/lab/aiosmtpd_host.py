"""An aiosmtpd server that prints each message that it takes as one line of JSON, with the octets as they came."""
import asyncio
import base64
import json
import ssl
import sys

from aiosmtpd.controller import UnthreadedController
from aiosmtpd.smtp import SMTP

settings = json.loads(sys.argv[1])


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        refusal = settings["refuse"].get(address)
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 recipient taken"

    async def handle_DATA(self, server, session, envelope):
        print("MESSAGE " + json.dumps({
            "from": envelope.mail_from,
            "fromParameters": envelope.mail_options,
            "to": envelope.rcpt_tos,
            "toParameters": envelope.rcpt_options,
            "tls": session.ssl is not None,
            "content": base64.b64encode(envelope.original_content).decode(),
        }), flush=True)
        return "250 2.0.0 message taken"


class Controller(UnthreadedController):
    def factory(self):
        context = None
        if settings["certificate"]:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(settings["certificate"]["certificateFile"], settings["certificate"]["keyFile"])
        return SMTP(
            self.handler, hostname=settings["hostname"], enable_SMTPUTF8=settings["smtputf8"],
            data_size_limit=settings["sizeLimit"], tls_context=context, loop=self.loop,
        )


loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
controller = Controller(Handler(), hostname=settings["address"], port=25, loop=loop)
controller.begin()
loop.run_forever()
