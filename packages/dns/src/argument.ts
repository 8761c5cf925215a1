import { optionError } from './errors.ts';
import type { RecordType } from './record.ts';

/** Throws for an argument that does not fit: `applyMtaSts: policy must be …`. */
export function checkArgument(fits: boolean, where: string, wanted: string): void {
  if (!fits) throw optionError(`${where} must be ${wanted}.`);
}

/** An object and no array or view of memory, whose fields of these names have this type. */
export function hasFields(value: unknown, type: 'string' | 'number' | 'object', ...names: string[]): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value))
    return false;
  return names.every((name) => {
    const field = (value as Record<string, unknown>)[name];
    return typeof field === type && field !== null;
  });
}

/** An array of strings. */
export function isTextList(value: unknown): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

const recordTypes: { readonly [T in RecordType]: true } = {
  A: true,
  AAAA: true,
  CNAME: true,
  MX: true,
  NS: true,
  PTR: true,
  SOA: true,
  SRV: true,
  TLSA: true,
  TXT: true,
};

/** Throws for a record type that resolvers do not know. */
export function checkRecordType(type: RecordType): void {
  const known = Object.keys(recordTypes);
  checkArgument(known.includes(type), 'query: type', `one of ${known.join(', ')}`);
}
