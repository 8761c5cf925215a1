// NestJS: the broker is a provider, and a service sends. With @nestjs-modules/mailer give its module
// `transport: mbTransport({ broker })` of @mb/nodemailer instead.
import 'reflect-metadata';
import { MailBroker, MemoryStore, transactional } from '@mb/broker';
import { createMailbox } from '@mb/testkit';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

await using mailbox = await createMailbox();

class ResetService {
  readonly #broker: MailBroker;

  constructor(broker: MailBroker) {
    this.#broker = broker;
  }

  async send(email: string): Promise<string | undefined> {
    const message = {
      from: 'no-reply@example.com',
      to: email,
      subject: 'Reset',
      text: 'Your code is 123456.',
    };
    const { id } = await this.#broker.enqueue(message, transactional);
    return id;
  }
}

class AppModule {}
// With decorators: @Module({ providers: [...] }) class AppModule {}
Module({
  providers: [
    {
      provide: MailBroker,
      useFactory: () => {
        const broker = new MailBroker({
          hostname: 'mail.example.com',
          store: new MemoryStore(), // in production: new SqliteStore('queue.db') of @mb/broker/sqlite
          delivery: { routes: mailbox.routes }, // only for this example
        });
        broker.start();
        return broker;
      },
    },
    {
      provide: ResetService,
      useFactory: (broker: MailBroker) => new ResetService(broker),
      inject: [MailBroker],
    },
  ],
})(AppModule);

const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
console.log('queued:', await app.get(ResetService).send('bob@example.org'));
console.log('code:', (await mailbox.waitForMessage({ to: 'bob@example.org' })).codes()[0]);
await app.get(MailBroker).close();
await app.close();
