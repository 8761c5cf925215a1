import { createHash } from 'node:crypto';

/** Content that contains its tag and its digest, so that a copy can be checked without the original. */
export function markedContent(tag: string, length: number): Buffer {
  const body = `${tag}\r\n${'x'.repeat(length)}`;
  return Buffer.from(`${createHash('sha256').update(body).digest('hex')}\r\n${body}`);
}

/** The tag of content that is whole; undefined for any other octets. */
export function tagOfContent(content: Buffer): string | undefined {
  const text = content.toString('latin1');
  const [digest = '', tag = ''] = text.split('\r\n', 2);
  const body = text.slice(digest.length + 2);
  return createHash('sha256').update(body).digest('hex') === digest ? tag : undefined;
}
