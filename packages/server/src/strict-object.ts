import { z } from '@hono/zod-openapi';
import { refuseUnknownKeys } from './option-table.ts';

/**
 * An object that refuses unknown fields and suggests the field that was probably meant, as functions do for unknown
 * options. The message of the issue has a line for each unknown field.
 */
export function strictObject<Shape extends z.core.$ZodShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? (issue.keys as string[]).map((key) => unknownField(key, shape)).join('\n')
        : undefined,
  });
}

function unknownField(key: string, known: object): string {
  try {
    refuseUnknownKeys({ [key]: true }, known as never, 'This object');
    return 'There is no such field.';
  } catch (error) {
    // All fields are in the document of the API.
    return (error as Error).message.split(' Known keys: ')[0]!;
  }
}
