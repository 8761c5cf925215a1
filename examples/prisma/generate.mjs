// Makes Prisma's client from schema.prisma. It needs no engine for that, yet would download one: so it is told that
// there is one already.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const prisma = createRequire(import.meta.url).resolve('prisma/build/index.js');
const { status } = spawnSync(process.execPath, [prisma, 'generate', '--schema', 'schema.prisma'], {
  cwd: fileURLToPath(new URL('.', import.meta.url)),
  env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: '1' },
  stdio: ['ignore', 'ignore', 'inherit'],
});
process.exitCode = status ?? 1;
