/**
 * Messages written as React components, rendered by `@react-email/render`. Needs that package, `react` and `react-dom`.
 *
 * @packageDocumentation
 */
import { render, toPlainText } from '@react-email/render';
import { createElement, type FunctionComponent } from 'react';
import { BrokerError, optionError } from '../errors.ts';
import type { RenderParts } from '../message/render.ts';
import { flag, matching, type OptionTable, readOptions } from '../option-table.ts';

/** What checks the properties of a component: a schema of zod, valibot, arktype or another library of Standard Schema. */
export interface PropertySchema {
  readonly '~standard': {
    validate(value: unknown): SchemaResult | Promise<SchemaResult>;
  };
}

/** What a schema finds: the properties as it read them, or what is wrong with them. */
export interface SchemaResult {
  readonly value?: unknown;
  readonly issues?:
    | readonly {
        readonly message: string;
        readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
      }[]
    | undefined;
}

/** How {@link reactEmail} renders. */
export interface ReactEmailOptions {
  /** Checks the properties first, and gives the component what it made of them. Default: they are not checked. */
  readonly schema?: PropertySchema | undefined;
  /** Whether `text` is made from the HTML; default true. */
  readonly text?: boolean | undefined;
}

/** What {@link ReactEmailOptions} accept. @internal */
export const reactEmailOptions = {
  schema: matching<PropertySchema>(
    'a schema of Standard Schema',
    (value) => typeof (value as PropertySchema | null)?.['~standard']?.validate === 'function',
  ),
  text: flag(),
} satisfies OptionTable<ReactEmailOptions>;

/**
 * Renders a React component into the HTML and the text of a message: a value for `render` of `send()` and `enqueue()`.
 *
 * React escapes properties in text and attributes. TypeScript checks their types; `schema` checks them when the program
 * runs, before anything is accepted.
 *
 * @param component  A function component, such as one made of `@react-email/components`.
 * @throws {BrokerError} when it is rendered: MB_BROKER_TEMPLATE_VALUES, which names every property that the schema
 *   refuses. What the component throws becomes MB_BROKER_RENDER_FAILED.
 * @example
 * await broker.enqueue({ from, to, subject: 'Welcome' }, { render: reactEmail(Welcome, { name: 'Bob' }) });
 */
export function reactEmail<P extends object>(
  component: (properties: P) => unknown,
  properties: P,
  options: ReactEmailOptions = {},
): RenderParts {
  if (typeof component !== 'function')
    throw optionError('reactEmail: component must be a function component.');
  if (typeof properties !== 'object' || properties === null) {
    throw optionError('reactEmail: properties must be an object, such as { name: "Bob" }.');
  }
  const { schema, text = true } = readOptions(options, reactEmailOptions, 'reactEmail: options');
  return async () => {
    const checked = schema ? await checkProperties(schema, properties) : properties;
    const html = await render(createElement(component as FunctionComponent<object>, checked));
    return text ? { html, text: toPlainText(html) } : { html };
  };
}

/** @throws {BrokerError} MB_BROKER_TEMPLATE_VALUES */
async function checkProperties(schema: PropertySchema, properties: object): Promise<object> {
  const { value, issues } = await schema['~standard'].validate(properties);
  if (!issues) return value as object;
  const problems = issues.map(({ message, path = [] }) => {
    const names = path.map((step) => String(typeof step === 'object' ? step.key : step));
    return names.length > 0 ? `${names.join('.')}: ${message}` : message;
  });
  throw new BrokerError(
    'MB_BROKER_TEMPLATE_VALUES',
    'invalid-input',
    `The component cannot be rendered: ${problems.join('; ')}.`,
    { field: 'properties' },
  );
}
