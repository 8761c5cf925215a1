import { MailBroker, MemoryStore } from '@mb/broker';
import openapiTypescript, { astToString } from 'openapi-typescript';
import { createServer } from '../src/index.ts';

/** The document of the API, as a server gives it. */
export async function apiDocument(): Promise<object> {
  const broker = new MailBroker({ hostname: 'mail.example.com', store: new MemoryStore() });
  const response = await createServer({ broker }).fetch(new Request('http://localhost/openapi.json'));
  return (await response.json()) as object;
}

/** The types of src/client/api.ts, made from the document. */
export async function clientTypes(): Promise<string> {
  const nodes = await openapiTypescript(JSON.stringify(await apiDocument()));
  // The reference knows no such tag, and wants a sentence about each interface.
  const text = astToString(nodes)
    .replaceAll('@description ', '')
    .replace('export interface paths', '/** The paths of the API, with what each takes and gives. */\n$&')
    .replace('export interface components', '/** The schemas that the paths share. */\n$&');
  return `// Made by scripts/client.ts from the document of the API; do not edit.\n${text}`;
}
