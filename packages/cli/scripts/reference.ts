import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { createProgram } from '../src/program.ts';
import { flagValuesPath, writeFlagValues } from './flag-values.ts';

/** The file that is generated. */
export const referencePath = join(import.meta.dirname, '../../../docs/cli.md');

const COLUMNS = 100;

const FRONT = `# The mb command

All commands with all flags, as \`mb COMMAND --help\` shows them. Generated from the definitions of the commands by
\`pnpm --filter @mb/cli reference\`; their purpose is explained in [the README](../packages/cli/README.md).
`;

/** Returns the reference of all commands as Markdown, generated from their definitions. */
export async function writeReference(): Promise<string> {
  const program = await createProgram();
  return `${FRONT}\n${sections(program, program.name()).join('\n')}`;
}

function sections(command: Command, path: string): string[] {
  const heading = path === 'mb' ? '' : `## ${path}\n\n`;
  return [
    `${heading}\`\`\`text\n${helpOf(command).trimEnd()}\n\`\`\`\n`,
    ...command.commands.flatMap((child) => sections(child, `${path} ${child.name()}`)),
  ];
}

function helpOf(command: Command): string {
  let text = '';
  command
    .configureOutput({
      getOutHelpWidth: () => COLUMNS,
      writeOut: (piece) => {
        text += piece;
      },
    })
    .outputHelp();
  return text;
}

if (import.meta.main) {
  writeFileSync(referencePath, await writeReference());
  writeFileSync(flagValuesPath, await writeFlagValues());
}
