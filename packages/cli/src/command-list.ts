import { Command } from 'commander';

/** A command of `mb` before its module is loaded. */
export interface ListedCommand {
  readonly name: string;
  readonly description: string;
  /** Follows the name in the list of commands, as commander writes it for the loaded command. */
  readonly usage: string;
  readonly load: () => Promise<Command>;
}

/**
 * All commands, in the order of the help. A module is loaded when its command is called: the broker, the database driver
 * and the server would otherwise take most of the time of `mb --version`.
 */
export const commandList: readonly ListedCommand[] = [
  {
    name: 'send',
    description: 'send a message, or one for each row of a file, directly to mail exchangers',
    usage: '[options]',
    load: async () => (await import('./send/command.ts')).sendCommand(),
  },
  {
    name: 'queue',
    description: 'show and change a queue, also while a worker runs',
    usage: '',
    load: async () => (await import('./queue/index.ts')).queueCommand(),
  },
  {
    name: 'suppress',
    description: 'show and change the list of addresses that get no mail',
    usage: '',
    load: async () => (await import('./suppress/index.ts')).suppressCommand(),
  },
  {
    name: 'work',
    description: 'run a worker that delivers queued mail',
    usage: '[options]',
    load: async () => (await import('./work/command.ts')).workCommand(),
  },
  {
    name: 'serve',
    description: 'run the service: an HTTP API and SMTP submission in front of a queue, and its worker',
    usage: '[options]',
    load: async () => (await import('./serve/command.ts')).serveCommand(),
  },
  {
    name: 'key',
    description: 'make, list and revoke the API keys of a queue',
    usage: '',
    load: async () => (await import('./key/command.ts')).keyCommand(),
  },
  {
    name: 'domain',
    description: 'add domains, see what to publish, and rotate their DKIM keys while the service runs',
    usage: '',
    load: async () => (await import('./domain/command.ts')).domainCommand(),
  },
  {
    name: 'webhook',
    description: 'add, show, test and replay webhooks, which are notified of what happens to mail',
    usage: '',
    load: async () => (await import('./webhook/command.ts')).webhookCommand(),
  },
  {
    name: 'alert',
    description: 'show what is wrong with the service, and test whether alerts arrive',
    usage: '',
    load: async () => (await import('./alert/command.ts')).alertCommand(),
  },
  {
    name: 'config',
    description: 'check the configuration',
    usage: '',
    load: async () => (await import('./config/command.ts')).configCommand(),
  },
  {
    name: 'dkim',
    description: 'generate DKIM keys, sign and verify messages, check published keys',
    usage: '',
    load: async () => (await import('./dkim/index.ts')).dkimCommand(),
  },
  {
    name: 'dns',
    description: 'look up the DNS records that e-mail uses',
    usage: '',
    load: async () => (await import('./dns/index.ts')).dnsCommand(),
  },
  {
    name: 'explain',
    description: 'show where mail for an address would go, and which TLS would be required and why',
    usage: '[options] <address...>',
    load: async () => (await import('./explain/command.ts')).explainCommand(),
  },
  {
    name: 'explain-reply',
    description: 'explain what a reply of a mail host means and what follows',
    usage: '[options] <reply...>',
    load: async () => (await import('./explain-reply/command.ts')).explainReplyCommand(),
  },
  {
    name: 'message',
    description: 'show the parts and defects of a message, and what receivers require of it',
    usage: '',
    load: async () => (await import('./message/index.ts')).messageCommand(),
  },
  {
    name: 'inbox',
    description: 'receive mail on this machine, to test an application without sending mail',
    usage: '[options]',
    load: async () => (await import('./inbox/command.ts')).inboxCommand(),
  },
  {
    name: 'doctor',
    description: 'check whether receivers will trust mail of a domain',
    usage: '[options] <domain>',
    load: async () => (await import('./doctor/index.ts')).doctorCommand(),
  },
  {
    name: 'probe',
    description: 'show what a mail server offers and whether senders would trust it',
    usage: '[options] <host>',
    load: async () => (await import('./probe/index.ts')).probeCommand(),
  },
  {
    name: 'completion',
    description: 'print the script that completes mb in a shell',
    usage: '<shell>',
    load: async () => (await import('./completion/command.ts')).completionCommand(),
  },
];

/** Represents a command that is not loaded. */
export class UnloadedCommand extends Command {
  readonly listed: ListedCommand;

  constructor(listed: ListedCommand) {
    super(listed.name);
    this.description(listed.description);
    this.listed = listed;
  }
}
