import { optionError } from '../errors.ts';

/** Maximum depth of nested objects and arrays. */
const maxDepth = 100;

/**
 * The JSON text of an object, which reads back as an equal value. Properties that are undefined are left out.
 *
 * @param name  Name of the object in errors, such as `value`; a wrong value is named by its path.
 * @throws {BrokerError} MB_BROKER_OPTION for a value that JSON changes silently (NaN becomes null, a Date a string, a
 *   Map an empty object), or cannot express.
 * @example jsonText({ n: 1 }, 'value') // '{"n":1}'
 */
export function jsonText(value: object, name: string): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw optionError(`${name} must be an object that JSON can express.`);
  }
  checkJson(value, name, 0);
  return JSON.stringify(value);
}

function checkJson(value: unknown, path: string, depth: number): void {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return;
  if (typeof value === 'number') {
    if (Number.isFinite(value) && !Object.is(value, -0)) return;
    throw lost(path, Object.is(value, -0) ? '-0' : String(value));
  }
  if (typeof value !== 'object') throw lost(path, value === undefined ? 'undefined' : `a ${typeof value}`);
  if (depth === maxDepth)
    throw optionError(`${path} is more than ${maxDepth} objects deep, or contains itself.`);
  if (Array.isArray(value)) {
    // By index, to find holes, which would become null.
    for (let index = 0; index < value.length; index++)
      checkJson(value[index], `${path}[${index}]`, depth + 1);
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null)
    throw lost(path, `a ${className(value)}`);
  if ('toJSON' in value) throw lost(path, 'an object with toJSON()');
  for (const [key, item] of Object.entries(value)) {
    if (item !== undefined) checkJson(item, `${path}.${key.slice(0, 40)}`, depth + 1);
  }
}

function className(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

function lost(path: string, what: string) {
  return optionError(`${path} is ${what}, which JSON would change.`);
}
