import { createRequire } from 'node:module';
import assert from './assert.mjs';

const require = createRequire(import.meta.url);

/** Programs from npm that take a transport of nodemailer: each sends one message through the broker. */
export const consumers = {
  async 'email-templates'(transport) {
    const Email = require('email-templates');
    const email = new Email({
      message: { from: 'shop@example.com' },
      transport: require('nodemailer').createTransport(transport),
      send: true,
      preview: false,
      juice: false,
      render: async (view, locals) => `${view}: ${locals.name}`,
    });
    await email.send({ template: 'welcome', message: { to: 'bob@example.org' }, locals: { name: 'Bob' } });
    return (message) => assert(/html: Bob/.test(message.html), message.html);
  },

  async '@nestjs-modules/mailer'(transport) {
    require('reflect-metadata');
    const { Module } = require('@nestjs/common');
    const { NestFactory } = require('@nestjs/core');
    const { MailerModule, MailerService } = require('@nestjs-modules/mailer');
    class App {}
    Module({ imports: [MailerModule.forRoot({ transport, defaults: { from: 'shop@example.com' } })] })(App);
    const app = await NestFactory.createApplicationContext(App, { logger: false });
    const info = await app
      .get(MailerService)
      .sendMail({ to: 'bob@example.org', subject: 'Nest', text: 'Hello' });
    await app.close();
    assert(info.accepted.join() === 'bob@example.org', JSON.stringify(info));
    return (message) => assert(message.subject === 'Nest', message.subject);
  },

  /** As authentication libraries do: a function that they call with a link, which must not wait for delivery. */
  async 'an authentication library'(transport) {
    const transporter = require('nodemailer').createTransport(transport, { from: 'no-reply@example.com' });
    const auth = {
      emailAndPassword: {
        sendResetPassword: async ({ user, url }) => {
          await transporter.sendMail({ to: user.email, subject: 'Reset your password', text: `Open ${url}` });
        },
      },
    };
    const url = 'https://app.example.com/reset?token=1';
    await auth.emailAndPassword.sendResetPassword({ user: { email: 'bob@example.org' }, url });
    return (message) => assert(message.links()[0] === url, message.links().join());
  },
};
