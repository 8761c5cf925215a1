import { ensureDebianPackages } from './debian.ts';
import { runCommand } from './process.ts';

/** The result of another project's verifier for one message. */
export interface DkimVerdict {
  readonly passed: boolean;
  /** Its words. */
  readonly detail: string;
}

export interface DkimVerifier {
  readonly name: string;
  /** Whether it knows Ed25519 (RFC 8463). */
  readonly ed25519: boolean;
  /** Verifies every DKIM-Signature of the message; passes when there is one and all of them do. */
  verify(message: Uint8Array): Promise<DkimVerdict>;
}

/** Installs the verifiers. They look up keys by /etc/resolv.conf: start DNS with the key records first. */
export async function installDkimVerifiers(): Promise<void> {
  await ensureDebianPackages(['python3-dkim', 'libmail-dkim-perl', 'opendkim-tools']);
}

/** dkimpy, in Python. */
export const dkimpy: DkimVerifier = {
  name: 'dkimpy',
  ed25519: true,
  async verify(message) {
    const { code, stdout, stderr } = await runCommand('/usr/bin/python3', ['-c', dkimpyProgram], {
      input: message,
    });
    return { passed: code === 0, detail: `${stdout}${stderr}`.trim() };
  },
};

const dkimpyProgram = `
import sys, dkim
message = sys.stdin.buffer.read()
check = dkim.DKIM(message)
count = sum(1 for name, _ in check.headers if name.lower() == b'dkim-signature')
results = []
for index in range(count):
    try:
        results.append(dkim.DKIM(message).verify(idx=index))
    except dkim.DKIMException as error:
        results.append(False)
        print(repr(error))
print(count, 'signatures', results)
sys.exit(0 if count > 0 and all(results) else 1)
`;

/** Mail::DKIM, in Perl; Debian 12 has it without Ed25519. */
const mailDkim: DkimVerifier = {
  name: 'Mail::DKIM',
  ed25519: false,
  async verify(message) {
    const { code, stdout, stderr } = await runCommand(
      'perl',
      ['-MMail::DKIM::Verifier', '-e', mailDkimProgram],
      {
        input: message,
      },
    );
    return { passed: code === 0, detail: `${stdout}${stderr}`.trim() };
  },
};

const mailDkimProgram = `
binmode STDIN;
my $verifier = Mail::DKIM::Verifier->new;
while (<STDIN>) { $verifier->PRINT($_); }
$verifier->CLOSE;
my @signatures = $verifier->signatures;
print $_->domain, " ", $_->algorithm, " ", $_->result_detail, "\\n" for @signatures;
exit(@signatures && !(grep { $_->result ne "pass" } @signatures) ? 0 : 1);
`;

/** OpenDKIM's library, in C, run by its test program, which prints nothing about a signature that passes. */
const opendkim: DkimVerifier = {
  name: 'opendkim',
  ed25519: false,
  async verify(message) {
    const { code, stdout, stderr } = await runCommand('opendkim-testmsg', [], { input: message });
    return { passed: code === 0 && stderr === '', detail: `exit ${code} ${stdout}${stderr}`.trim() };
  },
};

export const dkimVerifiers: readonly DkimVerifier[] = [dkimpy, mailDkim, opendkim];
