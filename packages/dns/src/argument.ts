import { optionError } from './errors.ts';
import type { RecordType } from './record.ts';

/** Throws MB_DNS_OPTION unless an argument is valid: `applyMtaSts: policy must be …`. */
export function checkArgument(fits: boolean, where: string, wanted: string): void {
  if (!fits) throw optionError(`${where} must be ${wanted}.`);
}

/** Whether a value is an object, not an array or typed array, whose named fields have this type. */
export function hasFields(value: unknown, type: 'string' | 'number' | 'object', ...names: string[]): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value))
    return false;
  return names.every((name) => {
    const field = (value as Record<string, unknown>)[name];
    return typeof field === type && field !== null;
  });
}

/** Whether a value is an array of strings. */
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

/** Throws MB_DNS_OPTION for an unknown record type. */
export function checkRecordType(type: RecordType): void {
  const known = Object.keys(recordTypes);
  checkArgument(known.includes(type), 'query: type', `one of ${known.join(', ')}`);
}
