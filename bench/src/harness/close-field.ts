import type { Field } from './row.ts';

/** Releases what contenders hold for themselves, then what they share. */
export async function closeField(field: Field): Promise<void> {
  for (const contender of field.contenders) await contender.close?.();
  await field.close?.();
}
